/**
 * Writes what a turn of the event loop has queued for streams: one write per socket and turn, after
 * everything that could be read was read. A turn writes to a bounded number of sockets and a
 * bounded number of bytes; the rest waits for the next turn, behind what can be read meanwhile.
 */
import { Batch } from './batch.ts'
import { Holds } from './holds.ts'

/** Most sockets one turn writes to: about five milliseconds. */
export const TURN_WRITE_COUNT_MAX = 1_000
/** Most bytes one turn hands to the system. */
export const TURN_WRITE_BYTES_MAX = 8 * 1024 * 1024
/** Written entries are let go in batches. */
const COMPACT_COUNT = 4_096

/** What has something to be written. */
export interface TurnOutbox {
  /** Writes what was queued. @returns its bytes, taken or not. */
  flush(): number
}

export class TurnWriter {
  /** Who is held back because of what is to be written. */
  readonly holds = new Holds()
  #batch = Batch.empty()
  #waiting: TurnOutbox[] = []
  /** Entries before this index are written. */
  #next = 0
  #isDue = false

  /** Where the frames of an outbox begin that has none yet. */
  get batch(): Batch {
    return this.#batch
  }

  /** @param outbox once for each flush. */
  add(outbox: TurnOutbox): void {
    this.#waiting.push(outbox)
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#write())
  }

  #write(): void {
    // What is sent from here on is not what the ones that are written now were sent.
    this.#batch = Batch.empty()
    const end = Math.min(this.#waiting.length, this.#next + TURN_WRITE_COUNT_MAX)
    let bytes = 0
    while (this.#next < end && bytes < TURN_WRITE_BYTES_MAX) {
      bytes += this.#waiting[this.#next++]?.flush() ?? 0
    }
    this.#compact()
    this.#isDue = this.#next < this.#waiting.length
    if (this.#isDue) setImmediate(() => this.#write())
  }

  #compact(): void {
    if (this.#next === this.#waiting.length) this.#waiting = []
    else if (this.#next >= COMPACT_COUNT) this.#waiting.splice(0, this.#next)
    else return
    this.#next = 0
  }
}
