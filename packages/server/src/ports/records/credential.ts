/**
 * Credentials with their versions. One record is one aggregate: it is read, changed by
 * `credentials/engine` and written back as a whole, so no reader ever sees half a rotation.
 * App credentials live in the app's region, those of tenants and operators in the control database.
 */
import type { Role } from './tenant.ts'

export type CredentialKind =
  | 'client_secret'
  | 'api_key'
  | 'signing_secret'
  | 'jwt_secret'
  | 'mqtt_user'
  | 'webhook_secret'
  | 'provider_credential'
  | 'tenant_signing_key'
  | 'operator_key'

/** `contracts` 2.2: pending -> current -> previous -> disabled -> removed; pending -> discarded. */
export type VersionState =
  | 'pending'
  | 'current'
  | 'previous'
  | 'disabled'
  | 'removed'
  | 'discarded'
  | 'revoked'

/** What is kept of a value. Binary fields are base64; nothing here discloses a secret. */
export type Material =
  /** Verified only: bcrypt of the SHA-256, and a keyed fingerprint that is compared first. */
  | { readonly storage: 'hashed'; readonly bcrypt: string; readonly fingerprint: string }
  /** Used again to sign: AES-256-GCM under the master key, and the fingerprint against reuse. */
  | { readonly storage: 'sealed'; readonly sealed: string; readonly fingerprint: string }
  /** A customer's public key as JWK text: nothing secret. */
  | { readonly storage: 'public'; readonly jwk: string }
  /** Where a customer publishes its key set, RFC 7517 §5. */
  | { readonly storage: 'remote'; readonly jwksUrl: string }
  /** Removed or discarded: the value is destroyed, the row stays for the record. */
  | { readonly storage: 'erased' }

/** A value that waits to be fetched once, by whoever is to use it. */
export interface Delivery {
  /** From then on the version is discarded, unless it was fetched; decided when read. */
  readonly untilMs: number
  /** Undefined while the value waits. */
  readonly fetchedAtMs: number | undefined
  /** Base64: the value of a hashed kind, under the master key, until it is fetched or ended. */
  readonly sealed: string | undefined
}

export interface VersionRecord {
  /** `ver_` + 20 of base 62; never used again. */
  readonly id: string
  /** 1, 2, ... inside its credential. */
  readonly number: number
  readonly state: VersionState
  /** The id inside a key of the key format, for the one look-up; undefined for custom values. */
  readonly keyId: string | undefined
  readonly material: Material
  /** The last 4 characters of the value; empty where there is no value. */
  readonly hint: string
  readonly origin: 'generated' | 'custom' | 'declared'
  readonly createdAtMs: number
  readonly createdBy: string
  /** When it became current. */
  readonly activatedAtMs: number | undefined
  /** End of its own life; decided when read. */
  readonly expiresAtMs: number | undefined
  /** End of the overlap of a previous version; decided when read. */
  readonly acceptUntilMs: number | undefined
  /** What `acceptUntilMs` may be raised to at most, once; set when another one takes over. */
  readonly acceptUntilMaxMs?: number | undefined
  /** Absent: the value left in the answer that made it. */
  readonly delivery?: Delivery | undefined
  readonly disabledAtMs: number | undefined
  /** When the value was erased or the version revoked for ever. */
  readonly endedAtMs: number | undefined
}

/** What a credential is for, by kind. Fields of other kinds are absent. */
export interface CredentialAttributes {
  /** `api_key`: limit texts that narrow those of its app. */
  readonly limits?: readonly string[]
  /** `api_key`: what it may do; absent: publish and subscribe in its own app (decision 18). */
  readonly scopes?: readonly string[]
  /**
   * `api_key`: `sk` server, `pk` browser, `rk` restricted. `webhook_secret`: `whsk` for Ed25519;
   * absent for HMAC.
   */
  readonly prefix?: string
  /** `signing_secret`: the public app key that names it. */
  readonly appKey?: string
  /** `jwt_secret`, `client_secret` with a public key: what may sign; absent: what the key fits. */
  readonly algorithms?: readonly string[]
  /** `jwt_secret`: what `iss` of its tokens has to be; absent: not checked. */
  readonly issuer?: string
  /** `jwt_secret`: one of these has to be in `aud` of its tokens; absent: not checked. */
  readonly audience?: readonly string[]
  /** `mqtt_user`: name of the rule set that narrows it; absent: the organization's alone. */
  readonly ruleSet?: string
  /** `operator_key`. */
  readonly role?: Role
}

export interface RotationPolicy {
  /** The longest overlap a rotation may ask for. */
  readonly overlapMaxMs: number
  /** What a rotation gets that asks for none. */
  readonly overlapDefaultMs: number
  /** Due when the current version is older; undefined: never. */
  readonly maxAgeDays: number | undefined
  /** Whether a due credential rotates by itself; the new value is then fetched once. */
  readonly isAutomatic: boolean
}

export interface CredentialRecord {
  /** `cred_` + 20 of base 62. */
  readonly id: string
  readonly kind: CredentialKind
  /** Undefined for operator keys of the whole installation. */
  readonly tenantId: string | undefined
  readonly appId: string | undefined
  /** What people call it. */
  readonly name: string
  readonly attributes: CredentialAttributes
  readonly policy: RotationPolicy
  /** What was told of its deadlines, so that each is told once (`engine/due-steps.ts`). */
  readonly notices?: readonly string[] | undefined
  /** Oldest first; at most `VERSION_COUNT_MAX` of the engine. */
  readonly versions: readonly VersionRecord[]
  /** 1 at creation; a save names the one it read. */
  readonly revision: number
  readonly createdAtMs: number
}
