/**
 * Tokens whose signature and claims were checked, so that a client that uses one for every call
 * costs a look-up. Holds hashes, no tokens. What time, revocations or a change of the app may have
 * taken away is asked at every use; this remembers only what cannot change.
 */
import { hash } from 'node:crypto'

/** Our bound; over it the one that was verified first is forgotten. */
export const VERIFIED_COUNT_MAX = 10_000

export class VerifiedTokens<T> {
  readonly #entries = new Map<string, T>()

  find(token: string): T | undefined {
    return this.#entries.get(keyOf(token))
  }

  remember(token: string, verified: T): void {
    this.#entries.set(keyOf(token), verified)
    if (this.#entries.size <= VERIFIED_COUNT_MAX) return
    const [oldest] = this.#entries.keys()
    if (oldest !== undefined) this.#entries.delete(oldest)
  }

  forget(token: string): void {
    this.#entries.delete(keyOf(token))
  }

  get size(): number {
    return this.#entries.size
  }
}

function keyOf(token: string): string {
  return hash('sha256', token, 'base64')
}
