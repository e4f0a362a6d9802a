/**
 * How long one session lives, and when its will is due (MQTT 5 §3.1.2.5, §3.1.2.11.2). Bookkeeping
 * only: asked with a time, never with a timer. Pure.
 */
import type { StoredSession } from '../../../ports/session-store.ts'
import { type ClientWill, willBytes, willOf } from './client-will.ts'

/** What a connection brings to the session it begins or resumes. */
export interface Connecting {
  /** As it is granted; 0: the session ends with the connection. */
  readonly expirySeconds: number
  readonly will: ClientWill | undefined
}

export interface Detaching {
  /** False after a DISCONNECT without 0x04: the will is deleted [MQTT-3.14.4-3]. */
  readonly isWillDue: boolean
  /** Of DISCONNECT (§3.14.2.2.2), as it is granted. */
  readonly expirySeconds?: number | undefined
  /** Epoch; the session is not kept longer, whatever was asked: when its credential ends. */
  readonly untilMs?: number | undefined
}

/** Present where the session outlives its connection. */
export type KeptSession = Pick<StoredSession, 'id' | 'createdAtMs'>

/** Of all sessions of this node; wills are in memory. */
export interface WillCount {
  willBytes: number
}

export class SessionLife {
  /** Undefined: it ends with its connection, and nothing of it is written. */
  readonly kept: KeptSession | undefined
  expirySeconds = 0
  /** Epoch; undefined while it is connected. */
  disconnectedAtMs: number | undefined
  readonly #wills: WillCount
  #will: ClientWill | undefined

  constructor(kept: KeptSession | undefined, wills: WillCount) {
    this.kept = kept
    this.#wills = wills
  }

  /** Of the connection, or one whose delay runs. */
  get will(): ClientWill | undefined {
    return this.#will
  }

  set will(will: ClientWill | undefined) {
    this.#wills.willBytes += willBytes(will) - willBytes(this.#will)
    this.#will = will
  }

  /** A will whose delay runs is not sent: its client is back in time [MQTT-3.1.3-9]. */
  connected({ expirySeconds, will }: Connecting): void {
    this.expirySeconds = expirySeconds
    this.will = will
    this.disconnectedAtMs = undefined
  }

  disconnected({ isWillDue, expirySeconds, untilMs }: Detaching, nowMs: number): void {
    if (!isWillDue) this.will = undefined
    if (this.kept !== undefined) this.expirySeconds = expirySeconds ?? this.expirySeconds
    if (untilMs !== undefined) {
      const secondsLeft = Math.max(0, Math.floor((untilMs - nowMs) / 1_000))
      this.expirySeconds = Math.min(this.expirySeconds, secondsLeft)
    }
    this.disconnectedAtMs = nowMs
  }

  /** Brings back what a start found; a connection that ended with the process ends now. */
  restore(stored: StoredSession, nowMs: number): void {
    this.expirySeconds = stored.expirySeconds
    this.will = stored.will && willOf(stored.will, stored.clientId)
    this.disconnectedAtMs = stored.disconnectedAtMs ?? nowMs
  }

  /** @returns when it is over, epoch; undefined while it is connected. */
  endsAtMs(): number | undefined {
    if (this.disconnectedAtMs === undefined) return undefined
    return this.disconnectedAtMs + this.expirySeconds * 1_000
  }

  /** @returns when its will or its end is due, epoch; undefined while it is connected. */
  dueAtMs(): number | undefined {
    const endsAtMs = this.endsAtMs()
    if (endsAtMs === undefined) return undefined
    return Math.min(endsAtMs, this.#willAtMs() ?? endsAtMs)
  }

  /** @returns the will if its delay is over, once. */
  takeDueWill(nowMs: number): ClientWill | undefined {
    const willAtMs = this.#willAtMs()
    return willAtMs === undefined || willAtMs > nowMs ? undefined : this.takeWill()
  }

  /** @returns the will there is, once: the session is over [MQTT-3.1.3-9]. */
  takeWill(): ClientWill | undefined {
    const { will } = this
    this.will = undefined
    return will
  }

  #willAtMs(): number | undefined {
    if (this.disconnectedAtMs === undefined || this.will === undefined) return undefined
    return this.disconnectedAtMs + this.will.delaySeconds * 1_000
  }
}
