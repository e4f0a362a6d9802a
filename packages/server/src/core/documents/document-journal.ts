/**
 * Writes updates of all documents of a region down: one call of the store at a time, and whatever
 * comes meanwhile goes with the next one, so that documents share commits. Bounded by who waits for
 * it: each document has one batch on the way.
 */
import type { Clock } from '../../ports/clock.ts'
import type { DocumentKey, DocumentStore } from '../../ports/document-store.ts'
import type { Turns } from '../../ports/turns.ts'

/** Our bounds on one call, so that its commit is short; one batch goes whole all the same. */
const CALL_COUNT_MAX = 4_096
const CALL_BYTES_MAX = 16 * 1024 * 1024

interface Batch {
  readonly key: DocumentKey
  readonly updates: readonly Uint8Array[]
  readonly done: (numbers: readonly number[]) => void
  readonly failed: (error: unknown) => void
}

interface JournalPorts {
  readonly store: DocumentStore
  readonly clock: Clock
  readonly turns: Turns
}

export class DocumentJournal {
  readonly #ports: JournalPorts
  #waiting: Batch[] = []
  #isRunning = false

  constructor(ports: JournalPorts) {
    this.#ports = ports
  }

  /** @returns the number of each, once they survive `kill -9`. @throws Outage: none was written. */
  append(key: DocumentKey, updates: readonly Uint8Array[]): Promise<readonly number[]> {
    return new Promise((done, failed) => {
      this.#waiting.push({ key, updates, done, failed })
      if (this.#isRunning) return
      this.#isRunning = true
      this.#ports.turns.next(() => void this.#run())
    })
  }

  /** @returns when all that waits now was written, or failed: what follows comes after it. */
  async passed(): Promise<void> {
    await Promise.allSettled([this.append({ appId: '', name: '' }, [])])
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#write(this.#take())
    this.#isRunning = false
  }

  #take(): readonly Batch[] {
    let count = 0
    let byteCount = 0
    const end = this.#waiting.findIndex(({ updates }, index) => {
      count += updates.length
      byteCount += updates.reduce((sum, { length }) => sum + length, 0)
      return index > 0 && (count > CALL_COUNT_MAX || byteCount > CALL_BYTES_MAX)
    })
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end)
  }

  async #write(batches: readonly Batch[]): Promise<void> {
    const { store, clock } = this.#ports
    const entries = batches.flatMap(({ key, updates }) =>
      updates.map((update) => ({ key, update })),
    )
    try {
      const numbers = entries.length === 0 ? [] : await store.append(entries, clock.nowMs())
      let at = 0
      for (const { updates, done } of batches) {
        done(numbers.slice(at, at + updates.length))
        at += updates.length
      }
    } catch (error) {
      for (const { failed } of batches) failed(error)
    }
  }
}
