/** Makes a credential with its first version, and saves it with its audit row. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type {
  CredentialRecord,
  RotationPolicy,
  VersionRecord,
} from '../../ports/records/credential.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { rulesOf } from '../engine/kind-rules.ts'
import { isRegistered } from '../engine/reading.ts'
import { createCredential } from '../engine/rotation.ts'
import { newId } from '../identifiers.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { adminRefusal } from './credential-move.ts'
import type { CredentialPlace, SharedTransaction } from './credential-place.ts'
import { knownValues } from './known-values.ts'
import type { IssuedCredential, NewCredential } from './issued.ts'
import { checkUserName, holdsUserName, MQTT_USER_COUNT_MAX } from './mqtt-users.ts'
import { tellCreated } from './told-changes.ts'
import { makeVersion } from './version-making.ts'

/**
 * Our bound on the credentials of one app beside its MQTT users, of one tenant beside its apps, and
 * of operators.
 */
export const CREDENTIAL_COUNT_MAX = 100

/**
 * Makes the record and its value; nothing is stored yet.
 * @param origin `declared` where the configuration brings the value.
 */
export async function makeCredential(
  request: NewCredential & { readonly origin?: VersionRecord['origin'] },
  caller: Pick<Caller, 'actor'>,
  deps: AdministrationDeps,
): Promise<Result<IssuedCredential, AdminRefusalCode>> {
  const { kind, tenantId, appId, name, attributes, value, key, expiresAtMs } = request
  const fit = kind === 'mqtt_user' ? checkUserName(name) : ok(true)
  if (!fit.ok) return fit
  const id = newId('cred', deps.random)
  const isGiven = value !== undefined || key !== undefined
  const origin = request.origin ?? (isGiven ? 'custom' : 'generated')
  const known = knownValues({ appId }, deps)
  const order = { credentialId: id, kind, attributes, value, key, origin, expiresAtMs, known }
  const made = await makeVersion(order, caller, deps)
  if (!made.ok) return made
  const policy = policyOf(request, deps)
  const draft = { id, kind, tenantId, appId, name, attributes, policy, version: made.value.draft }
  const created = createCredential(draft, deps.clock.nowMs())
  if (!created.ok) return refuse(adminRefusal(created.refusal), created.detail)
  const { draft: version, value: shown } = made.value
  return ok({ credential: created.value, versionId: version.id, value: shown })
}

/** Saves a new credential and says so in the audit log. @throws Outage */
export async function saveNewCredential(
  credential: CredentialRecord,
  context: {
    readonly place: CredentialPlace
    readonly caller: Caller
    /** See {@link NewCredential}. */
    readonly isOnlyOfKind?: boolean | undefined
  },
  deps: AdministrationDeps,
): Promise<Result<true, AdminRefusalCode>> {
  const { place, caller, isOnlyOfKind = false } = context
  const saved = await place.transaction(async (transaction, region) => {
    const { appId, tenantId } = place.owner
    if (region !== undefined && appId !== undefined) {
      // As it is now, not as it was when the value was made.
      const app = await region.findApp(appId)
      if (app === undefined) return refuse('not_found')
      const isSecret = credential.kind === 'client_secret'
      if (isSecret && app.type === 'public') return refuse('public_client')
    }
    const listed = await transaction.listCredentials({
      ...(appId === undefined ? {} : { appId }),
      ...(tenantId === undefined ? {} : { tenantId }),
    })
    const siblings = listed.filter((each) => each.tenantId === tenantId && each.appId === appId)
    const isUser = credential.kind === 'mqtt_user'
    const beside = siblings.filter(({ kind }) => (kind === 'mqtt_user') === isUser)
    const countMax = isUser ? MQTT_USER_COUNT_MAX : CREDENTIAL_COUNT_MAX
    if (beside.length >= countMax) return refuse('credentials_full')
    if (isUser && beside.some((each) => holdsUserName(each, credential.name))) {
      return refuse('name_taken')
    }
    const isAlike = isClientSecret(credential)
      ? isClientSecret
      : ({ kind }: CredentialRecord) => kind === credential.kind
    if (isOnlyOfKind && siblings.some(isAlike)) return refuse('changed_meanwhile')
    await recordNewCredential(credential, { transaction, code: place.code, caller }, deps)
    return ok(true as const)
  })
  if (saved.ok) tellCreated([credential], deps)
  return saved
}

/** Whether it is a secret of a client, and not a key the client has registered. */
export function isClientSecret(record: CredentialRecord): boolean {
  return record.kind === 'client_secret' && !isRegistered(record)
}

/** Writes a new credential and its audit row inside the caller's transaction. */
export async function recordNewCredential(
  credential: CredentialRecord,
  context: {
    readonly transaction: SharedTransaction
    readonly code: string
    readonly caller: Caller
  },
  deps: Pick<AdministrationDeps, 'audit'>,
): Promise<void> {
  const { transaction, code, caller } = context
  await transaction.saveCredential(credential)
  await deps.audit.record(
    { code, transaction },
    {
      tenantId: credential.tenantId ?? INSTALLATION,
      actor: caller.actor,
      source: caller.source,
      requestId: caller.requestId,
      action: 'credential.created',
      target: { kind: credential.kind, id: credential.id, name: credential.name },
      outcome: 'success',
      after: {
        versions: credential.versions.map(({ id, number, state }) => ({ id, number, state })),
      },
    },
  )
}

function policyOf(request: NewCredential, deps: AdministrationDeps): RotationPolicy {
  const rules = rulesOf(request.kind)
  // The schedule of signing keys is the tokens' own; everything else follows the configuration.
  const base =
    request.kind === 'tenant_signing_key' ? rules.policy : { ...rules.policy, ...deps.policy }
  const given = Object.entries(request.policy ?? {}).filter(([, value]) => value !== undefined)
  return { ...base, ...Object.fromEntries(given) }
}
