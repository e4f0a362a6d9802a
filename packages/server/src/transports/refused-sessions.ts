/**
 * Connections that were let in only to be told why they are refused, in the places clients look: a
 * last frame and the close code. Some are held before they are closed, because their clients come
 * back at once; how many is bounded, and one that leaves early costs nothing.
 */
import { REFUSALS } from '../core/refusals.ts'
import type { Clock } from '../ports/clock.ts'
import type { PacedOutbox } from '../ports/fanout.ts'
import type { Admission, Session } from '../sessions/session.ts'

export type RefusedFrame = Extract<Admission, { readonly kind: 'refused_frame' }>

/** Our bound: a held one costs a socket and says nothing. Beyond it they are closed at once. */
export const HELD_COUNT_MAX = 1_000

export class RefusedSessions {
  readonly #clock: Clock
  #heldCount = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Connections that wait for their close now. */
  get heldCount(): number {
    return this.#heldCount
  }

  start(outbox: Pick<PacedOutbox, 'send' | 'close'>, admission: RefusedFrame): Session {
    const { frame, refusal, closeCode, holdMs = 0 } = admission
    const reason = admission.reason ?? REFUSALS[refusal].text
    let closeAtMs = Number.POSITIVE_INFINITY
    let isHeld = false
    const letGo = () => {
      if (isHeld) this.#heldCount--
      isHeld = false
    }
    const close = () => {
      if (!isHeld) return
      letGo()
      outbox.close(closeCode, reason)
    }
    const nothing = () => {}
    return {
      open: () => {
        if (holdMs <= 0 || this.#heldCount >= HELD_COUNT_MAX) {
          outbox.close(closeCode, reason, frame)
          return
        }
        isHeld = true
        this.#heldCount++
        closeAtMs = this.#clock.monotonicMs() + holdMs
        if (frame !== undefined) outbox.send(frame)
      },
      receive: nothing,
      heard: nothing,
      tick(nowMs) {
        if (nowMs < closeAtMs) return closeAtMs
        close()
        return Number.POSITIVE_INFINITY
      },
      end: close,
      closed: letGo,
    }
  }
}
