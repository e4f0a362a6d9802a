/**
 * `POST /v2/tokens/create`, its first version, and the form with a key in the header: a server
 * mints a token for a user it has signed in (contract CloudSignal 2.2, 2.3, 2.8; seed 001).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import type { KeyIdentity } from '../../credentials/bearers.ts'
import { NATIVE, UNVERIFIED } from '../../credentials/connection-tokens/lineage.ts'
import type { FullTable } from '../../credentials/connection-tokens/lineage-table.ts'
import { foldCase, parseEmail } from '../../credentials/connection-tokens/provider-claims.ts'
import type { MintedToken } from '../../credentials/connection-tokens/token-minting.ts'
import { refusal, type ServiceRefusal } from './answers.ts'
import { byKey, byManager, denied, mayMint, NARROW, overLimit } from './callers.ts'
import { type Answered, answered, refused, type ServiceCall } from './deps.ts'
import {
  readAcl,
  readEmail,
  readIdentity,
  readOptionalText,
  readPermissions,
  readReplacing,
  readText,
  readTtl,
} from './fields.ts'
import { legacyShape, tokenShape } from './shapes.ts'

interface Wanted {
  readonly email: string
  /** Said to be the address of the user, and not only put in its place. */
  readonly isAddress: boolean
  readonly userId: string
  readonly ttlMs: number | undefined
  readonly acl: TopicAcl
  readonly integration: string | undefined
  readonly isReplacing: boolean
}

/** With the secret in the body, as servers and their SDK send it. */
export async function answerCreate(call: ServiceCall): Promise<Answered> {
  return createBy(call, ({ minted, key }) =>
    tokenShape({ minted, loaded: key.loaded, nowMs: call.deps.clock.nowMs() }),
  )
}

export async function answerLegacyCreate(call: ServiceCall): Promise<Answered> {
  return createBy(call, ({ minted, key }) =>
    legacyShape({ minted, loaded: key.loaded, nowMs: call.deps.clock.nowMs() }),
  )
}

/** `POST /v2/tokens`: with the secret in a header, and topics in place of an `acl`. */
export async function answerCreateByHeader(call: ServiceCall): Promise<Answered> {
  const organization = readOptionalText(call.body, 'organization_id')
  if (!organization.ok) return refused(invalid(organization.detail))
  const manager = await byManager(call)
  if (!manager.ok) return refused(manager.refused)
  const { key } = manager
  const named = organization.value && call.deps.tenants.findOrganization(organization.value)
  if (organization.value !== undefined && named !== undefined) {
    const isOwn = typeof named !== 'string' && named.tenant.id === key.loaded.tenant.id
    if (!isOwn) return refused(FOREIGN)
  }
  const wanted = readSimple(call)
  if (!wanted.ok) return refused(invalid(wanted.detail))
  const made = await mint(key, wanted.value, call)
  if (!made.ok) return refused(made.refused)
  const nowMs = call.deps.clock.nowMs()
  const shape = tokenShape({ minted: made.minted, loaded: key.loaded, nowMs })
  return answered({ token: shape.access_token, ...shape })
}

async function createBy(
  call: ServiceCall,
  shape: (made: { readonly minted: MintedToken; readonly key: KeyIdentity }) => unknown,
): Promise<Answered> {
  const { body } = call
  const organization = readText(body, 'organization_id')
  const secret = readText(body, 'secret_key')
  for (const each of [organization, secret]) if (!each.ok) return refused(invalid(each.detail))
  if (!organization.ok || !secret.ok) return refused(invalid(undefined))
  const wanted = readWanted(call)
  if (!wanted.ok) return refused(invalid(wanted.detail))
  const called = await byKey(secret.value, organization.value, call)
  if (!called.ok) return refused(called.refused)
  if (!mayMint(called.key)) {
    denied('operation_denied', called.key, call)
    return refused(NARROW)
  }
  const made = await mint(called.key, wanted.value, call)
  if (!made.ok) return refused(made.refused)
  return answered(shape({ minted: made.minted, key: called.key }))
}

function readWanted({ body }: ServiceCall): Result<Wanted, 'invalid'> {
  const email = readEmail(body, 'user_email')
  if (!email.ok) return email
  const userId = readIdentity(body, 'user_id')
  if (!userId.ok) return userId
  const ttl = readTtl(body)
  if (!ttl.ok) return ttl
  const acl = readAcl(body)
  if (!acl.ok) return acl
  const integration = readOptionalText(body, 'integration_id')
  if (!integration.ok) return integration
  const replacing = readReplacing(body)
  if (!replacing.ok) return replacing
  return ok({
    email: email.value,
    isAddress: true,
    userId: userId.value ?? email.value,
    ttlMs: ttl.value,
    acl: acl.value,
    integration: integration.value,
    isReplacing: replacing.value,
  })
}

/** @returns what the older form asks for: a user id, and an address where there is one. */
function readSimple({ body }: ServiceCall): Result<Wanted, 'invalid'> {
  const userId = readIdentity(body, 'user_id')
  if (!userId.ok) return userId
  const given = body['user_email']
  const email = given === undefined ? undefined : readEmail(body, 'user_email')
  if (email?.ok === false) return email
  const identity = userId.value ?? email?.value
  if (identity === undefined) return refuse('invalid', 'user_id is missing.')
  // A token for a user without an address can be narrowed as one with an address can.
  const acl = body['acl'] === undefined ? readPermissions(body) : readAcl(body)
  if (!acl.ok) return acl
  const ttl = readTtl(body)
  if (!ttl.ok) return ttl
  const integration = readOptionalText(body, 'integration_id')
  if (!integration.ok) return integration
  return ok({
    email: email?.value ?? parseEmail(identity) ?? foldCase(identity),
    // Users may have chosen how they are called: it proves no address.
    isAddress: email !== undefined,
    userId: identity,
    ttlMs: ttl.value,
    acl: acl.value,
    integration: integration.value,
    isReplacing: false,
  })
}

type Made =
  | { readonly ok: true; readonly minted: MintedToken }
  | { readonly ok: false; readonly refused: ServiceRefusal }

async function mint(key: KeyIdentity, wanted: Wanted, call: ServiceCall): Promise<Made> {
  const { loaded, version, reliances } = key
  const { integration, email, isAddress, userId, acl, ttlMs, isReplacing } = wanted
  const limited = overLimit('token_create.app', loaded.app.id, call)
  if (limited !== undefined) return { ok: false, refused: limited }
  if (!hasIntegration(key, integration, call)) {
    return { ok: false, refused: UNKNOWN_INTEGRATION }
  }
  const order = { loaded, userEmail: email, userId, ttlMs, endsAtMs: undefined, acl, integration }
  const claims = isAddress ? {} : UNVERIFIED
  const rest = { provider: NATIVE, claims, restsOn: reliances, keyId: version.keyId }
  const earlier = isReplacing ? 'replace' : 'keep'
  const minted = await call.deps.minting.mint(
    { ...order, ...rest, earlier, whenFull: 'refuse' },
    call.source,
  )
  return minted.ok
    ? { ok: true, minted: minted.value }
    : { ok: false, refused: fullRefusal(minted.refusal) }
}

/** What narrows a token is there, or there is no token: never one that is wider. */
function hasIntegration(
  { loaded }: KeyIdentity,
  integration: string | undefined,
  { deps }: ServiceCall,
): boolean {
  if (integration === undefined) return true
  const all = deps.tenants.find(loaded.tenant.id)?.integrations ?? []
  const found = all.find(({ name }) => name === integration)
  if (found?.isEnabled !== true) return false
  return found.appId === undefined || found.appId === loaded.app.id
}

export function fullRefusal(full: FullTable): ServiceRefusal {
  switch (full) {
    case 'user_full':
      return refusal('limit_exceeded', 'This user holds as many live tokens as one may.')
    case 'app_full':
      return refusal('limit_exceeded', 'This app has as many live tokens as it may.')
    case 'node_full':
      return refusal('unavailable', 'There is no room for more tokens at the moment.')
    default:
      return full satisfies never
  }
}

export function invalid(detail: string | undefined): ServiceRefusal {
  return refusal('invalid_request', detail ?? 'The request is malformed.')
}

export const UNKNOWN_INTEGRATION = refusal(
  'integration_not_found',
  'There is no enabled integration of this integration_id. Nothing was made.',
)
const FOREIGN = refusal(
  'invalid_secret_key',
  'The secret key is not one of this organization, or it is not valid any more.',
)
