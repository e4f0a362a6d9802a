/**
 * Connection tokens (`tkn_...`), one record for a lineage: a token and all that it was refreshed
 * to. They live in the database of their app's region; secrets are not in it.
 */

export interface ConnectionTokenRecord {
  /** UUID: the `token_id`; stays the same over refreshes. */
  readonly id: string
  readonly tenantId: string
  readonly appId: string
  /** The part of the MQTT user name before the `@`; stays the same over refreshes. */
  readonly username: string
  /** Lowercase. */
  readonly userEmail: string
  readonly userId: string
  /** `cloudsignal` where a key minted it, else the kind of the identity provider. */
  readonly provider: string
  /** Name of the integration. */
  readonly integration: string | undefined
  /** Topic filters that narrow it. */
  readonly acl: { readonly publish?: readonly string[]; readonly subscribe?: readonly string[] }
  /** As `core/reliance.ts` writes them: the key or provider it was minted by. */
  readonly restsOn: readonly string[]
  /** Text claims of the identity provider that rules may name; bounded where they are read. */
  readonly claims: Readonly<Record<string, string>>
  readonly ttlMs: number
  readonly createdAtMs: number
  /** Of the newest password; the first is 1. */
  readonly generation: number
  readonly refreshedAtMs: number | undefined
  /** Of the newest password. */
  readonly expiresAtMs: number
  /** No refresh leads beyond it. */
  readonly endsAtMs: number
  readonly revokedAtMs: number | undefined
  /** Another one took its place: no new connection and no refresh, open connections stay. */
  readonly replacedAtMs: number | undefined
  /** Client ids that connected with it: with an older password only these come back. */
  readonly clientIds: readonly string[]
}

/** Our bound on {@link ConnectionTokenRecord.clientIds}, which bounds the record. */
export const TOKEN_CLIENT_COUNT_MAX = 64

/** Which lineages to end or to list; all fields given must match. */
export interface ConnectionTokenSelector {
  readonly appId: string
  readonly id?: string
  readonly userEmail?: string
  /** Null: only those without one. */
  readonly integration?: string | null
  readonly provider?: string
}
