/**
 * The published keys of an issuer, kept in memory: RFC 7517. Asked for again when they are old,
 * and, throttled, when a token names a key that is not among them; an outage is bridged for an
 * hour.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { readBoundedText } from './bounded-text.ts'
import { nameFailure, type System } from './system.ts'

/** The issuer's keys could not be had: whether the token is good is not known. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable'
}

/** As long as the issuer says its keys may be kept, and as long as a new one waits to sign. */
const FRESH_MS = 300_000
/** The issuer answers 20 times in 10 minutes. */
const ASK_AGAIN_MS = 35_000
/** Our bound on going on with keys that cannot be renewed: one of them may have been revoked. */
const KEPT_MS_MAX = 3_600_000
const REQUEST_MS_MAX = 5_000
const ANSWER_BYTES_MAX = 128 * 1024
const ANSWER_DEPTH_MAX = 6
const KEY_COUNT_MAX = 32

export class KeySet {
  readonly #url: string
  readonly #system: System
  #find: JWTVerifyGetKey | undefined
  #loadedAtMs = 0
  #askedAtMs = Number.NEGATIVE_INFINITY
  #failure = 'not asked yet'
  #flight: Promise<void> | undefined

  constructor(url: string, system: System) {
    this.#url = url
    this.#system = system
  }

  /** @throws {@link KeysUnavailable} */
  async current(): Promise<JWTVerifyGetKey> {
    const ageMs = this.#system.now() - this.#loadedAtMs
    const isFresh = ageMs >= 0 && ageMs < FRESH_MS
    if (this.#find === undefined || !isFresh) await this.renew()
    const keptMs = this.#system.now() - this.#loadedAtMs
    if (this.#find === undefined || keptMs > KEPT_MS_MAX) {
      throw new KeysUnavailable(`The keys of the issuer cannot be had: ${this.#failure}.`)
    }
    return this.#find
  }

  /**
   * Asks the issuer, at most once in a while however many ask.
   * @returns whether the keys are newer than before.
   */
  async renew(): Promise<boolean> {
    const before = this.#find
    const nowMs = this.#system.now()
    const sinceMs = nowMs - this.#askedAtMs
    if (this.#flight === undefined && sinceMs >= 0 && sinceMs < ASK_AGAIN_MS) return false
    this.#askedAtMs = nowMs
    this.#flight ??= this.#load().finally(() => {
      this.#flight = undefined
    })
    await this.#flight
    return this.#find !== before
  }

  async #load(): Promise<void> {
    try {
      const response = await this.#system.fetch(this.#url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'manual',
        signal: this.#system.deadline(REQUEST_MS_MAX),
      })
      const text = await readBoundedText(response.body, ANSWER_BYTES_MAX)
      const body = text.ok ? parseJsonObject(text.value, ANSWER_DEPTH_MAX) : undefined
      const keys = response.status === 200 ? usableKeys(body?.['keys']) : undefined
      if (keys === undefined) {
        this.#failure = `it answered ${response.status} without keys`
        return
      }
      this.#find = createLocalJWKSet({ keys })
      this.#loadedAtMs = this.#system.now()
    } catch (error) {
      this.#failure = nameFailure(error)
    }
  }
}

/** RFC 8725 §3.1: a key without an algorithm of its own would take that of the token. */
function usableKeys(keys: unknown): JSONWebKeySet['keys'] | undefined {
  if (!Array.isArray(keys) || keys.length > KEY_COUNT_MAX) return undefined
  return (keys as JSONWebKeySet['keys']).filter(
    (key) => typeof key === 'object' && key !== null && typeof key.alg === 'string',
  )
}
