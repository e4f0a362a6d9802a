/**
 * Answers that leave in the order in which they were asked for [MQTT-4.6.0-2], although some wait
 * until what they promise is written. Most wait for nothing and are sent at once. What could not be
 * written is never answered, and neither is what was asked after it.
 */

/** Our bound on answers that wait; from here on no more of the client is read. */
export const WAITING_ANSWER_COUNT_MAX = 1_000
/** With so few left reading goes on. */
export const RESUMED_ANSWER_COUNT = 250

export interface Answer {
  readonly frame: Uint8Array
  /** Runs once the frame was sent. */
  readonly afterwards?: (() => void) | undefined
}

interface Waiting extends Answer {
  isReady: boolean
}

export interface AnsweredConnection {
  send(frame: Uint8Array): void
  /** What an answer promises could not be written. */
  notWritten(): void
  /** Fewer answers wait than did. */
  lessWaits(): void
}

export class OrderedAnswers {
  readonly #connection: AnsweredConnection
  /** Made when the first one waits: without sessions that are kept, none does. */
  #waiting: Waiting[] | undefined

  constructor(connection: AnsweredConnection) {
    this.#connection = connection
  }

  get waitingCount(): number {
    return this.#waiting?.length ?? 0
  }

  /** @param written tells whether all was written; undefined: there is nothing to write. */
  answer(answer: Answer, written: Promise<boolean> | undefined): void {
    if (written === undefined && this.waitingCount === 0) {
      this.#send(answer)
      return
    }
    const waiting: Waiting = { ...answer, isReady: written === undefined }
    this.#waiting ??= []
    this.#waiting.push(waiting)
    if (written !== undefined) void this.#sendWhen(written, waiting)
  }

  /** The connection has ended. */
  clear(): void {
    this.#waiting = undefined
  }

  async #sendWhen(written: Promise<boolean>, waiting: Waiting): Promise<void> {
    const isWritten = await written
    if (this.#waiting === undefined) return
    if (!isWritten) return this.#connection.notWritten()
    waiting.isReady = true
    this.#flush(this.#waiting)
  }

  #flush(waiting: Waiting[]): void {
    let count = 0
    for (const answer of waiting) {
      if (!answer.isReady) break
      this.#send(answer)
      count++
    }
    if (count === 0) return
    waiting.splice(0, count)
    this.#connection.lessWaits()
  }

  #send({ frame, afterwards }: Answer): void {
    this.#connection.send(frame)
    afterwards?.()
  }
}
