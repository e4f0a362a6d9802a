/** What tokens may no longer rest on. Kept until the last token it can concern has expired. */
export interface RevocationRecord {
  /** As `core/reliance.ts` writes it: `token:...`, `version:...`, `user:...`. */
  readonly reliance: string
  readonly tenantId: string
  /** Tokens issued at or before this are refused. */
  readonly atMs: number
  /** After this nothing it concerns can be alive. */
  readonly untilMs: number
}
