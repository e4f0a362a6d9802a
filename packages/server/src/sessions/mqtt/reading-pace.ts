/**
 * How fast one client is read: no further while too many of its answers wait, or while it is what
 * fills the journal, because then everybody's messages would be refused.
 */
import type { Inflow } from '../session.ts'
import {
  type OrderedAnswers,
  RESUMED_ANSWER_COUNT,
  WAITING_ANSWER_COUNT_MAX,
} from './ordered-answers.ts'
import type { SessionJournal } from './state/session-journal.ts'

export interface PacedClient {
  readonly state: { readonly journal: Pick<SessionJournal, 'isBusy' | 'settled' | 'writeCount'> }
  readonly socket: {
    readonly inflow: Inflow
    goOn(): void
    later<T>(outcome: Promise<T>, goOn: (value: T) => void): void
  }
}

export class ReadingPace {
  readonly #client: PacedClient
  readonly #answers: Pick<OrderedAnswers, 'waitingCount'>
  #isHeld = false

  constructor(client: PacedClient, answers: Pick<OrderedAnswers, 'waitingCount'>) {
    this.#client = client
    this.#answers = answers
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** One more answer waits, or was sent. */
  answered(kind: 'written' | 'unwritten'): void {
    const isAhead = kind === 'written' && this.#client.state.journal.isBusy
    if (isAhead || this.#answers.waitingCount >= WAITING_ANSWER_COUNT_MAX) this.#hold()
  }

  /** What has no answer waits for the journal all the same, where it fills it. */
  unanswered(writeCount: number): void {
    const { state, socket } = this.#client
    const { journal } = state
    if (this.#isHeld || journal.writeCount === writeCount || !journal.isBusy) return
    this.#hold()
    socket.later(journal.settled(), () => this.lessWaits())
  }

  /** Fewer answers wait than did. */
  lessWaits(): void {
    const { waitingCount } = this.#answers
    const { state, socket } = this.#client
    if (!this.#isHeld || waitingCount > RESUMED_ANSWER_COUNT) return
    // With nothing left that waits, nobody would come back here.
    if (waitingCount > 0 && state.journal.isBusy) return
    this.#isHeld = false
    socket.inflow.resume()
    socket.goOn()
  }

  #hold(): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#client.socket.inflow.pause()
  }
}
