/**
 * Makes a version: a fresh or given value, held to the strength policy and turned into what is
 * stored. The value itself leaves by the answer and is kept nowhere.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type {
  CredentialAttributes,
  CredentialKind,
  VersionRecord,
} from '../../ports/records/credential.ts'
import { CONNECTION_TOKEN_PREFIX } from '../../ports/records/mqtt-user.ts'
import type { VersionDraft } from '../engine/rotation.ts'
import { sealDelivered } from '../delivered-value.ts'
import { rulesOf } from '../engine/kind-rules.ts'
import { newId } from '../identifiers.ts'
import { generateKey, parseKey } from '../key-format.ts'
import {
  type ForeignMaterial,
  type KeyFields,
  readRegisteredKey,
} from '../foreign-keys/registered-key.ts'
import { fingerprintOf, hashedMaterial, sealedMaterial } from '../material.ts'
import { checkStrength } from '../strength.ts'
import {
  checkWebhookSecret,
  isWebhookSecret,
  newWebhookPair,
  newWebhookSecret,
} from '../webhook-secret.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** 256 bits for values that have no key format: they sign, and nobody types them. */
const SECRET_BYTES = 32
/** HS512 asks for a key as long as its hash (RFC 7518 §3.2): 64 characters at least. */
const JWT_SECRET_BYTES = 64
const HINT_LENGTH = 4
/**
 * Our bounds on what a provider has made: service accounts are JSON of two to three thousand
 * characters, and of a shorter value the hint would tell too much.
 */
export const FOREIGN_LENGTH_MIN = 16
export const FOREIGN_LENGTH_MAX = 8_192

export interface VersionOrder {
  readonly credentialId: string
  readonly kind: CredentialKind
  readonly attributes: CredentialAttributes
  /** A value of the caller's own; undefined: generated. */
  readonly value: string | undefined
  /** A customer's public key, or where it publishes its keys, in place of a value. */
  readonly key: KeyFields | undefined
  /** Of a rotation: whether there were keys of a customer before; secrets and keys do not mix. */
  readonly wasRegistered?: boolean | undefined
  /** `declared`: the configuration vouches for the value, and may bring keys of the key format. */
  readonly origin: VersionRecord['origin']
  readonly expiresAtMs: number | undefined
  /** Undefined: the value leaves in the answer. A time: it waits until then to be fetched once. */
  readonly waitsUntilMs?: number | undefined
  /** What the value must not contain or repeat. */
  readonly known: {
    readonly names: readonly string[]
    readonly fingerprints: Pick<ReadonlySet<string>, 'has'>
  }
}

export interface MadeVersion {
  readonly draft: VersionDraft
  /** Undefined for public keys of customers, and for a value that waits to be fetched. */
  readonly value: string | undefined
}

export async function makeVersion(
  order: VersionOrder,
  caller: Pick<Caller, 'actor'>,
  deps: AdministrationDeps,
): Promise<Result<MadeVersion, AdminRefusalCode>> {
  const id = newId('ver', deps.random)
  const { kind, expiresAtMs, origin } = order
  // A key pair is made for a tenant: see `signing-keys.ts`. Nothing else can sign.
  if (kind === 'tenant_signing_key') return refuse('input_invalid', SIGNING_KEY_TEXT)
  const createdBy = `${caller.actor.kind}:${caller.actor.id}`
  const rest = { id, origin, createdBy, expiresAtMs }
  const registered = registeredKey(order)
  if (!registered.ok) return registered
  if (registered.value !== undefined) {
    const material = registered.value
    return ok({ draft: { ...rest, keyId: undefined, hint: '', material }, value: undefined })
  }
  const taken = order.value === undefined ? generated(order, deps) : given(order, deps)
  if (!taken.ok) return taken
  const { value, keyId } = taken.value
  const hint = value.slice(-HINT_LENGTH)
  const fingerprintKey = deps.keys.fingerprint
  // The private half of a pair is nobody`s but ours: nothing of it is shown or fetched.
  const isPair = kind === 'webhook_secret' && signsWithPair(order.attributes)
  const shown = order.waitsUntilMs === undefined && !isPair ? value : undefined
  if (rulesOf(kind).storages.some((storage) => storage === 'hashed')) {
    const material = await hashedMaterial(value, {
      passwordHash: deps.passwordHash,
      fingerprintKey,
    })
    const sealed = sealDelivered(value, { credentialId: order.credentialId, versionId: id }, deps)
    const delivery = deliveryOf(order, sealed)
    return ok({ draft: { ...rest, keyId, hint, material, delivery }, value: shown })
  }
  const context = { kind, credentialId: order.credentialId, versionId: id }
  const { masterKey, random } = deps
  const material = sealedMaterial(value, context, { masterKey, random, fingerprintKey })
  const delivery = isPair ? undefined : deliveryOf(order, undefined)
  return ok({ draft: { ...rest, keyId, hint, material, delivery }, value: shown })
}

function deliveryOf({ waitsUntilMs }: VersionOrder, sealed: string | undefined) {
  if (waitsUntilMs === undefined) return undefined
  return { untilMs: waitsUntilMs, fetchedAtMs: undefined, sealed }
}

function registeredKey(
  order: VersionOrder,
): Result<ForeignMaterial | undefined, 'input_invalid' | 'weak_secret'> {
  const { kind, key = {}, value, wasRegistered } = order
  const read = readRegisteredKey(key, order.attributes.algorithms)
  if (!read.ok) return read
  const isKey = read.value !== undefined
  if (isKey && !rulesOf(kind).storages.some((storage) => storage === 'public')) {
    return refuse('input_invalid', 'Only JWT secrets and client secrets can be a public key.')
  }
  if (isKey && value !== undefined) return refuse('input_invalid', 'Give a value or a key.')
  if (wasRegistered === undefined || wasRegistered === isKey) return read
  const remedy = isKey ? 'Make another credential for the key.' : 'Bring the next key or jwksUrl.'
  return refuse('input_invalid', remedy)
}

interface Taken {
  readonly value: string
  readonly keyId: string | undefined
}

function generated(
  { kind, attributes }: VersionOrder,
  { random }: AdministrationDeps,
): Result<Taken, AdminRefusalCode> {
  const { prefixes, isForeign } = rulesOf(kind)
  if (isForeign) return refuse('input_invalid', 'Bring the value that its provider has made.')
  if (kind === 'webhook_secret') {
    const make = signsWithPair(attributes) ? newWebhookPair : newWebhookSecret
    return ok({ value: make(random), keyId: undefined })
  }
  const prefix = prefixes.find((each) => each === attributes.prefix) ?? prefixes[0]
  if (prefix !== undefined) return ok(generateKey(prefix, random))
  const byteCount = kind === 'jwt_secret' ? JWT_SECRET_BYTES : SECRET_BYTES
  const value = Buffer.from(random.bytes(byteCount)).toString('base64url')
  return ok({ value, keyId: undefined })
}

function given(order: VersionOrder, deps: AdministrationDeps): Result<Taken, AdminRefusalCode> {
  const { value = '', kind, known } = order
  const rules = rulesOf(kind)
  if (rules.isForeign) return foreign(value)
  if (kind === 'mqtt_user' && value.startsWith(CONNECTION_TOKEN_PREFIX)) {
    return refuse('input_invalid', 'A password does not begin like a connection token: tkn_.')
  }
  if (kind === 'webhook_secret') {
    const algorithm = signsWithPair(order.attributes) ? 'ed25519' : 'hmac-sha256'
    const checked = checkWebhookSecret(value, algorithm)
    if (!checked.ok) return checked
    // A pair is checked as a whole, and a generated value by its checksum.
    if (algorithm === 'ed25519' || isWebhookSecret(value)) {
      return isReused(value, order, deps) ?? ok({ value, keyId: undefined })
    }
  }
  const parsed = parseKey(value)
  if (parsed.ok && rules.prefixes.includes(parsed.value.prefix)) {
    return isReused(value, order, deps) ?? ok({ value, keyId: parsed.value.keyId })
  }
  if (order.origin === 'declared') {
    if (rules.isCustomAllowed) return ok({ value, keyId: undefined })
    return refuse('weak_secret', 'This is not a well-formed key: make one with keys generate.')
  }
  if (!rules.isCustomAllowed) return refuse('custom_value_denied')
  const strong = checkStrength(value, known.names)
  if (!strong.ok) return refuse('weak_secret', strong.detail)
  return isReused(value, order, deps) ?? ok({ value, keyId: undefined })
}

function signsWithPair({ prefix }: CredentialAttributes): boolean {
  return prefix === 'whsk'
}

/** Nothing about it is ours to judge: apps may share an account, and some values hold line ends. */
function foreign(value: string): Result<Taken, AdminRefusalCode> {
  const isBounded = value.length >= FOREIGN_LENGTH_MIN && value.length <= FOREIGN_LENGTH_MAX
  if (isBounded) return ok({ value, keyId: undefined })
  const bounds = `${FOREIGN_LENGTH_MIN} to ${FOREIGN_LENGTH_MAX}`
  return refuse('weak_secret', `A value of a provider has ${bounds} characters.`)
}

function isReused(value: string, order: VersionOrder, deps: AdministrationDeps) {
  if (order.origin === 'declared') return undefined
  const fingerprint = fingerprintOf(value, deps.keys.fingerprint)
  if (!order.known.fingerprints.has(fingerprint)) return undefined
  return refuse('weak_secret' as const, 'This value is or was in use. Choose a new one.')
}

const SIGNING_KEY_TEXT = 'Signing keys are rotated under tenants/{tenantId}/signing-keys.'
