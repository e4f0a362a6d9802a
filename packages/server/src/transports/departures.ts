/**
 * Sessions whose connection was closed and that have to be told so: only then do they leave the
 * hub, which costs more than the close. While many connections are closed at one moment this waits
 * behind the last close, and goes on in slices afterwards. Holds no more sessions than there were
 * connections.
 */
import type { Tally } from '../core/tally.ts'
import type { Log } from '../ports/log.ts'
import type { Session } from '../sessions/session.ts'

/** Told in one turn of the loop: about a millisecond where each is on a few channels. */
export const DEPARTURE_COUNT_MAX = 200

export class Departures {
  readonly #ports: { readonly tally: Tally; readonly log: Log }
  #waiting: Session[] = []
  /** Sessions before this index were told. */
  #next = 0
  #holdCount = 0
  #isTurnDue = false

  constructor(ports: { readonly tally: Tally; readonly log: Log }) {
    this.#ports = ports
  }

  /** Tells a session now, or in its turn when others wait. */
  add(session: Session): void {
    if (this.#holdCount === 0 && this.#waiting.length === 0) session.closed()
    else this.#waiting.push(session)
  }

  /** From here to the matching {@link release} nobody is told. */
  hold(): void {
    this.#holdCount++
  }

  /** Tells the first ones at once, so that what ends a few is finished with it. */
  release(): void {
    this.#holdCount--
    this.#tellSome()
  }

  #tellSome(): void {
    if (this.#holdCount > 0) return
    const end = Math.min(this.#waiting.length, this.#next + DEPARTURE_COUNT_MAX)
    while (this.#next < end) this.#tell(this.#waiting[this.#next++])
    if (this.#next < this.#waiting.length) {
      this.#tellMoreLater()
      return
    }
    this.#waiting = []
    this.#next = 0
  }

  #tellMoreLater(): void {
    if (this.#isTurnDue) return
    this.#isTurnDue = true
    setImmediate(() => {
      this.#isTurnDue = false
      this.#tellSome()
    })
  }

  #tell(session: Session | undefined): void {
    try {
      session?.closed()
    } catch (error) {
      this.#ports.tally.bugs++
      this.#ports.log.error('session_bug', error)
    }
  }
}
