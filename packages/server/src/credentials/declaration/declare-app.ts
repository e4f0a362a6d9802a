/** Brings one declared app with its credentials into its region. */
import type { AppRecord, AppSettings } from '../../ports/records/app.ts'
import type { CredentialKind, CredentialRecord } from '../../ports/records/credential.ts'
import type { LoadedApp } from '../app-directory.ts'
import { writeApp } from '../administration/app-writing.ts'
import { CONFIGURATION } from '../administration/callers.ts'
import type { AdministrationDeps } from '../administration/context.ts'
import { makeCredential } from '../administration/credential-making.ts'
import { carryOutMove } from '../administration/credential-move.ts'
import type { NewCredential } from '../administration/issued.ts'
import { makeVersion } from '../administration/version-making.ts'
import { rotate } from '../engine/rotation.ts'
import { newClientId } from '../identifiers.ts'
import { fingerprintOf } from '../material.ts'
import type { DeclarationDeps } from './declare.ts'
import type { DeclaredApp } from './declared.ts'
import { declareWebhooks } from './declare-webhooks.ts'
import { wantedJwt } from './declared-jwt.ts'
import { followRuleSet, wantedMqttUser } from './declared-mqtt-user.ts'
import { hasValue, type Wanted } from './wanted.ts'

/** @returns how many records were written. @throws Outage, Conflict */
export async function declareApp(
  declared: DeclaredApp,
  tenantId: string,
  deps: DeclarationDeps,
): Promise<number> {
  const { administration } = deps
  const before = administration.authority.apps.findById(declared.id)
  const app = recordOf(declared, tenantId, { before: before?.app, deps: administration })
  const wanted = wantedOf(declared, app, administration)
  const missing = wanted.filter((each) => findMeant(each, before) === undefined)
  const made = await Promise.all(missing.map(({ request }) => make(request, administration)))
  const gone = (before?.credentials ?? [])
    .map(({ record }) => record)
    // Those of webhooks come and go with their endpoints.
    .filter((record) => isDeclared(record) && record.kind !== 'webhook_secret')
    .filter((record) => !wanted.some(({ isMeant }) => isMeant(record)))
  let changeCount = 0
  if (before === undefined || !isSame(before.app, app) || made.length + gone.length > 0) {
    const action = before === undefined ? ('app.created' as const) : ('app.updated' as const)
    const writing = { app, before: before?.app, action, caller: CONFIGURATION, made, gone }
    await writeApp(writing, administration)
    changeCount = 1 + made.length + gone.length
    const { region } = app
    await administration.authority.changed({ kind: 'app', region, appId: app.id })
  }
  for (const each of wanted) {
    const meant = findMeant(each, before)
    if (meant === undefined) continue
    changeCount += await follow(each, meant, { before, deps })
    if (meant.kind === 'mqtt_user') changeCount += await followRuleSet(each, meant, deps)
  }
  return changeCount + (await declareWebhooks(declared, deps))
}

function recordOf(
  declared: DeclaredApp,
  tenantId: string,
  context: { readonly before: AppRecord | undefined; readonly deps: AdministrationDeps },
): AppRecord {
  const { before, deps } = context
  const nowMs = deps.clock.nowMs()
  const { id, name, region, type, allowedDomains, settings, plan } = declared
  const isKept = before?.subscription?.plan === plan && before.subscription.state !== 'inactive'
  const fresh = { plan, state: 'active' as const, sinceMs: nowMs, endsAtMs: undefined }
  return {
    id,
    tenantId,
    name,
    region,
    type,
    clientId: declared.clientId ?? before?.clientId ?? newClientId(deps.random),
    subscription: isKept ? before?.subscription : fresh,
    allowedDomains,
    settings,
    createdAtMs: before?.createdAtMs ?? nowMs,
    updatedAtMs: nowMs,
  }
}

function isSame(stored: AppRecord, declared: AppRecord): boolean {
  const settings = (record: AppSettings) =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
  const text = (app: AppRecord) =>
    JSON.stringify([
      [app.name, app.type, app.clientId, app.subscription?.plan, app.subscription?.sinceMs],
      app.allowedDomains,
      settings(app.settings),
    ])
  return text(stored) === text(declared)
}

function wantedOf(
  declared: DeclaredApp,
  app: AppRecord,
  { keys }: AdministrationDeps,
): readonly Wanted[] {
  const owner = { tenantId: app.tenantId, appId: app.id }
  const holds = (record: CredentialRecord, kind: CredentialKind, value: string) =>
    record.kind === kind && hasValue(record, fingerprintOf(value, keys.fingerprint))
  const signing = declared.signingKeys.map(({ key, secret }): Wanted => {
    const kind = 'signing_secret' as const
    return {
      request: { ...owner, kind, name: key, attributes: { appKey: key }, value: secret },
      isMeant: (record) => record.kind === kind && record.attributes.appKey === key,
    }
  })
  const apiKeys = declared.apiKeys.map(({ value, scopes, limits }): Wanted => {
    const kind = 'api_key' as const
    const [prefix = '', keyId = ''] = value.split('_')
    const attributes = {
      prefix,
      ...(scopes === undefined ? {} : { scopes }),
      ...(limits === undefined ? {} : { limits }),
    }
    return {
      request: { ...owner, kind, name: `declared ${prefix}_${keyId}`, attributes, value },
      isMeant: (record) => holds(record, kind, value),
    }
  })
  const jwt = declared.jwtSecrets.map((secret, index) => wantedJwt(secret, index, { owner, keys }))
  const users = (declared.mqttUsers ?? []).map((user) => wantedMqttUser(user, { owner, keys }))
  const listed = [...signing, ...apiKeys, ...jwt, ...users]
  if (declared.clientSecret === undefined) return listed
  const kind = 'client_secret' as const
  const value = declared.clientSecret
  const client: Wanted = {
    request: { ...owner, kind, name: 'client secret', attributes: {}, value },
    isMeant: (record) => record.kind === kind,
  }
  return [...listed, client]
}

function findMeant(wanted: Wanted, before: LoadedApp | undefined): CredentialRecord | undefined {
  return before?.credentials.map(({ record }) => record).find(wanted.isMeant)
}

/** Only what a configuration brought is taken away when the configuration drops it. */
function isDeclared({ versions }: CredentialRecord): boolean {
  return versions[0]?.origin === 'declared'
}

async function make(request: NewCredential, deps: AdministrationDeps): Promise<CredentialRecord> {
  const made = await makeCredential({ ...request, origin: 'declared' }, CONFIGURATION, deps)
  if (made.ok) return made.value.credential
  throw new Error(`a declared ${request.kind} was refused: ${made.detail ?? made.refusal}`)
}

/** A declared value that was never seen takes the place of the current one, at once. */
async function follow(
  { request }: Wanted,
  record: CredentialRecord,
  context: { readonly before: LoadedApp | undefined; readonly deps: DeclarationDeps },
): Promise<number> {
  const { administration, revocations } = context.deps
  const { value } = request
  if (value === undefined) return 0 // A key that is meant is the key that is there.
  const fingerprint = fingerprintOf(value, administration.keys.fingerprint)
  const opened = context.before?.credentials.find((each) => each.record.id === record.id)?.secrets
  const texts = [...(opened?.values() ?? [])].map((bytes) => Buffer.from(bytes).toString('utf8'))
  // Rows that were carried over from an older release know no fingerprint.
  if (hasValue(record, fingerprint) || texts.includes(value)) return 0
  const known = { names: [], fingerprints: new Set<string>() }
  const { kind, attributes } = record
  const made = await makeVersion(
    {
      credentialId: record.id,
      kind,
      attributes,
      value,
      key: undefined,
      origin: 'declared',
      expiresAtMs: undefined,
      known,
    },
    CONFIGURATION,
    administration,
  )
  if (!made.ok) throw new Error(`a declared ${kind} was refused: ${made.detail ?? made.refusal}`)
  const { draft } = made.value
  const moved = await carryOutMove(
    {
      credentialId: record.id,
      action: 'secret.rotated',
      caller: CONFIGURATION,
      reason: 'the configuration declares another value',
      move: (current, nowMs) => rotate(current, { draft, overlapMs: 0, isForced: true }, nowMs),
    },
    administration,
    revocations,
  )
  if (!moved.ok) throw new Error(`a declared ${kind} was refused: ${moved.refusal}`)
  return 1
}
