/** Who used which version: counts for one source, added up in batches off the hot path. */

/** `accepted`, or an attempt with a version that is no longer accepted. */
export type UseOutcome = 'accepted' | 'retired' | 'revoked'

export interface UseRecord {
  readonly credentialId: string
  readonly versionId: string
  readonly outcome: UseOutcome
  /** `oauth`, `http`, `pusher`, `admin`, later protocols their own. */
  readonly protocol: string
  /** Address as text, or `*` where sources beyond the bound are added up. */
  readonly ip: string
  /** At most 200 characters of the agent header; empty when there was none. */
  readonly agent: string
  readonly count: number
  readonly firstAtMs: number
  readonly lastAtMs: number
}
