/**
 * What tokens may no longer rest on, in memory: loaded before the server is ready, fed by every
 * change. Bounded by the life of the longest token: older entries concern nothing alive.
 */
import type { Reliance } from '../core/reliance.ts'
import type { RevocationRecord } from '../ports/records/revocation.ts'

export class RevocationList {
  readonly #entries = new Map<string, RevocationRecord>()

  add(record: RevocationRecord): void {
    const known = this.#entries.get(record.reliance)
    if (known === undefined || known.atMs < record.atMs) this.#entries.set(record.reliance, record)
  }

  /**
   * Whether something issued at `issuedAtMs` rests on anything revoked since.
   * @param reliances of the token; a handful.
   */
  isRevoked(reliances: readonly Reliance[], issuedAtMs: number): boolean {
    if (this.#entries.size === 0) return false
    return reliances.some((reliance) => {
      const entry = this.#entries.get(reliance)
      return entry !== undefined && issuedAtMs <= entry.atMs
    })
  }

  /** Forgets what can concern nothing alive. */
  sweep(nowMs: number): void {
    for (const [reliance, { untilMs }] of this.#entries) {
      if (untilMs <= nowMs) this.#entries.delete(reliance)
    }
  }

  get size(): number {
    return this.#entries.size
  }
}
