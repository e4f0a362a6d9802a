/**
 * Checks a presented secret against the versions of a credential. The keyed fingerprint decides at
 * once, so a wrong value never costs a bcrypt; the hash behind a right one is confirmed once in the
 * life of the process and remembered. Holds no secret: only ids of versions and fingerprints.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { PasswordHash } from '../ports/password-hash.ts'
import type { Material, VersionRecord } from '../ports/records/credential.ts'
import type { UseOutcome } from '../ports/records/use.ts'
import { outcomeOf } from './engine/reading.ts'
import { bcryptInputOf, fingerprintBytesOf, matchesFingerprint } from './material.ts'

/** Longer values are no secret of ours; they are refused after a bounded amount of work. */
export const SECRET_CHARACTERS_MAX = 4_096
/** Over this the oldest confirmations are forgotten, and cost a bcrypt each when used again. */
export const CONFIRMED_COUNT_MAX = 100_000
/** Over this many at a time, equal confirmations are no longer joined. */
export const CONFIRMING_COUNT_MAX = 10_000

export interface SecretMatch {
  readonly version: VersionRecord
  /** Only `accepted` lets anybody in; the others are for the record. */
  readonly outcome: UseOutcome
}

export class SecretCheck {
  readonly #fingerprintKey: KeyObject
  readonly #passwordHash: PasswordHash
  /** Fingerprint by version id, oldest confirmation first. */
  readonly #confirmed = new Map<string, string>()
  readonly #confirming = new Map<string, Promise<boolean>>()
  /** Records are never changed in place, so what was decoded once stays true. */
  readonly #decoded = new WeakMap<Material, Uint8Array>()

  constructor(deps: { readonly fingerprintKey: KeyObject; readonly passwordHash: PasswordHash }) {
    this.#fingerprintKey = deps.fingerprintKey
    this.#passwordHash = deps.passwordHash
  }

  /**
   * Finds the version a value belongs to, in microseconds and constant time over all of them.
   * @param value untrusted.
   * @param versions of one credential; none for an unknown client, which then costs about as much
   *   as a wrong secret.
   * @returns an accepted version before an ended one; undefined for none.
   */
  match(value: string, versions: readonly VersionRecord[], nowMs: number): SecretMatch | undefined {
    const isBounded = value.length <= SECRET_CHARACTERS_MAX
    const given = createHmac('sha256', this.#fingerprintKey)
      .update(isBounded ? value : '')
      .digest()
    let match: SecretMatch | undefined
    for (const version of versions) {
      const expected = this.#fingerprintOf(version.material)
      if (expected === undefined || !timingSafeEqual(given, expected)) continue
      const outcome = outcomeOf(version, nowMs)
      if (match?.outcome !== 'accepted') match = { version, outcome }
    }
    return isBounded ? match : undefined
  }

  /** Whether the value of this version, the one that matched, needs no {@link confirm} any more. */
  isConfirmed({ id, material }: VersionRecord): boolean {
    if (material.storage === 'sealed') return material.fingerprint !== ''
    if (material.storage !== 'hashed' || material.bcrypt === '') return false
    return this.#confirmed.get(id) === material.fingerprint
  }

  /**
   * Whether `value` is the one of this version: by the slow hash, at most once for each version and
   * off the event loop. Says nothing about its state: that is {@link match}'s.
   */
  async confirm(value: string, version: VersionRecord): Promise<boolean> {
    const { id, material } = version
    if (!matchesFingerprint(value, material, this.#fingerprintKey)) return false
    if (this.isConfirmed(version)) return true
    if (material.storage !== 'hashed' || material.bcrypt === '') return false
    // The fingerprint fits, so whoever waits here waits for the same value.
    const running = this.#confirming.get(id)
    if (running !== undefined) return running
    const verifying = this.#passwordHash.verify(bcryptInputOf(value), material.bcrypt)
    if (this.#confirming.size >= CONFIRMING_COUNT_MAX) return verifying
    this.#confirming.set(id, verifying)
    try {
      const isRight = await verifying
      // Forgotten meanwhile: then it stays so.
      if (isRight && this.#confirming.get(id) === verifying) this.markConfirmed(version)
      return isRight
    } finally {
      if (this.#confirming.get(id) === verifying) this.#confirming.delete(id)
    }
  }

  /** For a value whose hash was made in this process just now. */
  markConfirmed({ id, material }: VersionRecord): void {
    if (material.storage !== 'hashed' || material.bcrypt === '') return
    this.#confirmed.set(id, material.fingerprint)
    if (this.#confirmed.size <= CONFIRMED_COUNT_MAX) return
    const [oldest] = this.#confirmed.keys()
    if (oldest !== undefined) this.#confirmed.delete(oldest)
  }

  /** When a version ends or its credential goes. Idempotent. */
  forget(versionId: string): void {
    this.#confirmed.delete(versionId)
    this.#confirming.delete(versionId)
  }

  #fingerprintOf(material: Material): Uint8Array | undefined {
    const known = this.#decoded.get(material)
    if (known !== undefined) return known
    const bytes = fingerprintBytesOf(material)
    if (bytes !== undefined) this.#decoded.set(material, bytes)
    return bytes
  }
}
