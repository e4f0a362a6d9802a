/**
 * The QoS 2 messages that one client sent and has not released, by packet id (MQTT 5 §4.3.3).
 * Written where the session is kept. How many there may be is the receive maximum we announce.
 */
import type { SessionJournal } from './session-journal.ts'

/** What became of a QoS 2 message that a client sent; refused: the store takes nothing now. */
export type Taken = 'taken' | 'repeated' | 'refused'

export class IncomingIds {
  readonly #journal: SessionJournal
  readonly #sessionId: string | undefined
  readonly #ids: Set<number>

  constructor(
    journal: SessionJournal,
    sessionId: string | undefined,
    storedIds: readonly number[] = [],
  ) {
    this.#journal = journal
    this.#sessionId = sessionId
    this.#ids = new Set(storedIds)
  }

  get count(): number {
    return this.#ids.size
  }

  take(packetId: number): Taken {
    const sessionId = this.#sessionId
    if (this.#ids.has(packetId)) {
      // Its PUBREC says "safe", and the first one may not be that yet.
      if (sessionId !== undefined) this.#journal.touch()
      return 'repeated'
    }
    if (sessionId !== undefined && !this.#journal.isAccepting) {
      this.#journal.refused()
      return 'refused'
    }
    this.#ids.add(packetId)
    if (sessionId !== undefined) this.#journal.add({ kind: 'taken', sessionId, packetId })
    return 'taken'
  }

  /** @returns false when it was not taken. */
  release(packetId: number): boolean {
    const sessionId = this.#sessionId
    if (!this.#ids.delete(packetId)) {
      if (sessionId !== undefined) this.#journal.touch()
      return false
    }
    if (sessionId !== undefined) this.#journal.add({ kind: 'released', sessionId, packetId })
    return true
  }
}
