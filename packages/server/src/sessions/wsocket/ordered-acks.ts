/**
 * Acknowledgements of messages, in the order in which they were published, although some wait until
 * what they promise survives `kill -9`. Messages that are not kept wait for nothing, but for those
 * before them.
 */

/** Our bound on those that wait; from here on no more of the client is read. */
export const WAITING_ACK_COUNT_MAX = 1_000
/** With so few left reading goes on. */
const RESUMED_ACK_COUNT = 250

interface Waiting {
  readonly durable: Promise<unknown>
  /** Undefined: not known yet. */
  frame: string | undefined
}

export interface AckedPublish {
  readonly ack: string
  /** Sent in its place where the message may not survive. */
  readonly failure: string
  readonly durable: Promise<void> | undefined
}

export interface AckedConnection {
  send(frame: string): void
  /** Fewer wait than did. */
  lessWaits(): void
  /** What should have been written was not. */
  notWritten(error: unknown): void
}

export class OrderedAcks {
  readonly #connection: AckedConnection
  #waiting: Waiting[] = []
  #isFull = false

  constructor(connection: AckedConnection) {
    this.#connection = connection
  }

  /** So many wait that no more should be read. */
  get isFull(): boolean {
    return this.#isFull
  }

  add({ ack, failure, durable }: AckedPublish): void {
    if (durable === undefined && this.#waiting.length === 0) return this.#connection.send(ack)
    const isKnown = durable === undefined
    const waiting: Waiting = { durable: durable ?? DONE, frame: isKnown ? ack : undefined }
    this.#waiting.push(waiting)
    if (this.#waiting.length >= WAITING_ACK_COUNT_MAX) this.#isFull = true
    if (durable !== undefined) void this.#sendWhen(durable, waiting, { ack, failure })
  }

  /** @returns undefined when none waits; else resolves once those that wait now are known. */
  settled(): Promise<unknown> | undefined {
    if (this.#waiting.length === 0) return undefined
    return Promise.allSettled(this.#waiting.map(({ durable }) => durable))
  }

  /** The connection has ended. */
  clear(): void {
    this.#waiting = []
    this.#isFull = false
  }

  async #sendWhen(
    durable: Promise<void>,
    waiting: Waiting,
    { ack, failure }: Pick<AckedPublish, 'ack' | 'failure'>,
  ): Promise<void> {
    try {
      await durable
      waiting.frame = ack
    } catch (error) {
      waiting.frame = failure
      this.#connection.notWritten(error)
    }
    this.#flush()
  }

  #flush(): void {
    let count = 0
    for (const { frame } of this.#waiting) {
      if (frame === undefined) break
      this.#connection.send(frame)
      count++
    }
    if (count === 0) return
    this.#waiting.splice(0, count)
    if (!this.#isFull || this.#waiting.length > RESUMED_ACK_COUNT) return
    this.#isFull = false
    this.#connection.lessWaits()
  }
}

const DONE = Promise.resolve()
