/**
 * Holds back who sends while somebody who is sent it is catching up, so that a reader that reads at
 * all loses nothing of a burst: TCP slows the sender down instead. It waits only while that reader
 * makes progress, and for a bounded time; after that the bounds of its outbox decide.
 */
import type { Inflow } from '../sessions/session.ts'

/** How often it is looked whether the reader has caught up. */
const HOLD_CHECK_MS = 5

/** An outbox whose reader is behind. */
export interface Behind {
  /** Whether it reads, and has not been behind for too long. */
  isCatchingUp(): boolean
}

export class Holds {
  #noted: Behind | undefined
  readonly #held = new Map<PausableInflow, Behind>()
  #isDue = false

  /** Something is sent to `outbox`, and its reader is behind. */
  note(outbox: Behind): void {
    this.#noted = outbox
  }

  /** Does what `sender` asks for, and holds it back where that went to somebody who is behind. */
  during(sender: PausableInflow, work: () => void): void {
    this.#noted = undefined
    work()
    const behind = this.#noted as Behind | undefined
    if (behind?.isCatchingUp() !== true || this.#held.has(sender)) return
    this.#held.set(sender, behind)
    sender.hold()
    this.#checkLater()
  }

  #checkLater(): void {
    if (this.#isDue) return
    this.#isDue = true
    setTimeout(() => this.#check(), HOLD_CHECK_MS)
  }

  #check(): void {
    this.#isDue = false
    for (const [sender, behind] of this.#held) {
      if (behind.isCatchingUp()) continue
      this.#held.delete(sender)
      sender.release()
    }
    if (this.#held.size > 0) this.#checkLater()
  }
}

const BY_SESSION = 1
const BY_HOLD = 2

/** Reading goes on when neither the session nor a hold stops it. */
export abstract class PausableInflow implements Inflow {
  #stops = 0

  /** Somebody holds the peer back: nothing is heard of it. */
  get isPaused(): boolean {
    return this.#stops !== 0
  }

  pause(): void {
    this.#stop(BY_SESSION)
  }

  resume(): void {
    this.#goOn(BY_SESSION)
  }

  hold(): void {
    this.#stop(BY_HOLD)
  }

  release(): void {
    this.#goOn(BY_HOLD)
  }

  /** For the end: only a socket that is read from notices that its peer has gone. */
  protected readOn(): void {
    this.#goOn(BY_SESSION | BY_HOLD)
  }

  /** Whether there is still a connection to read from. */
  protected abstract get isReadable(): boolean
  protected abstract setReading(reads: 'on' | 'off'): void

  #stop(by: number): void {
    if (!this.isReadable) return
    if (this.#stops === 0) this.setReading('off')
    this.#stops |= by
  }

  #goOn(by: number): void {
    if (this.#stops === 0) return
    this.#stops &= ~by
    if (this.#stops === 0 && this.isReadable) this.setReading('on')
  }
}
