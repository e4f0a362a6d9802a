/**
 * One open document: who has it open, who is present, and its updates on their way. Made when its
 * first user arrives; users count from the moment they ask, so that a limit holds while it loads.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { DocumentPin } from '../../ports/document-pins.ts'
import { Outage } from '../../ports/outage.ts'
import { Audience } from '../audience.ts'
import type { RefusalCode } from '../refusals.ts'
import { Awareness } from './awareness.ts'
import type { DocumentPorts } from './document-ports.ts'
import { Seat } from './document-seat.ts'
import { DocumentUpdates, type UpdateAnswer } from './document-updates.ts'
import type { AwarenessEntry, DocumentAnswer, DocumentConnection } from './documents.ts'
import type { DocumentEncoder, OpenDocument } from './documents.ts'
import type { KeptDocument } from './kept-document.ts'

export interface RoomTerms {
  /** Unique: names this opening of the document in the engine. */
  readonly id: string
  readonly pin: DocumentPin
  /** Undefined: it is gone soon after its last user. */
  readonly kept: KeptDocument | undefined
  /** Called when it cannot go on. */
  readonly failed: (error: unknown) => void
  /** Called when its last user has gone. */
  readonly emptied: () => void
  /** Called when updates were written down. */
  readonly grown: () => void
}

export class DocumentRoom {
  readonly terms: RoomTerms
  /** Resolves once it can be used, or to why not. Set by who made it. */
  loaded: Promise<DocumentAnswer<true>> | undefined
  /** Monotonic; undefined while somebody has it open. */
  restsUntilMs: number | undefined
  /** Why it ended; undefined while it lives. */
  endedAs: RefusalCode | undefined
  readonly #ports: DocumentPorts
  readonly #updates: DocumentUpdates<Seat>
  readonly #audience: Audience<DocumentEncoder>
  readonly #awareness = new Awareness<Seat>()
  readonly #seats = new Set<Seat>()
  /** Places of each connection: those that have it open, and those on the way in. */
  readonly #users = new Map<string, number>()

  constructor(terms: RoomTerms, ports: DocumentPorts) {
    this.terms = terms
    this.#ports = ports
    this.#audience = new Audience(ports.fanout)
    this.#updates = new DocumentUpdates<Seat>({
      ...{ id: terms.id, engine: ports.engine, kept: terms.kept },
      ...{ figures: ports.figures, turns: ports.turns, failed: terms.failed },
      settled: terms.grown,
      relay: (update, seat) => this.#relay(update, seat),
    })
  }

  get userCount(): number {
    return this.#users.size
  }

  /** Whether nobody has it open and nothing of it is on the way. */
  get isIdle(): boolean {
    return this.#users.size === 0 && this.#updates.isIdle
  }

  has(connectionId: string): boolean {
    return this.#users.has(connectionId)
  }

  /** Counts a connection; {@link exit} or its seat frees it. */
  enter(connectionId: string): void {
    this.restsUntilMs = undefined
    this.#users.set(connectionId, (this.#users.get(connectionId) ?? 0) + 1)
  }

  exit(connectionId: string): void {
    const left = (this.#users.get(connectionId) ?? 0) - 1
    if (left > 0) this.#users.set(connectionId, left)
    else this.#users.delete(connectionId)
    if (this.#users.size === 0 && this.endedAs === undefined) this.terms.emptied()
  }

  /** Seats a connection that entered. */
  seat(connection: DocumentConnection, request: OpenDocument): Seat {
    const seat = new Seat(this, connection, request)
    this.#seats.add(seat)
    this.#ports.figures.seats++
    if (!this.#isTwice(seat)) this.#audience.join(seat)
    return seat
  }

  leave(seat: Seat): void {
    if (!this.#seats.delete(seat)) return
    this.#ports.figures.seats--
    if (!this.#isTwice(seat)) this.#audience.leave(seat)
    this.#tell(this.#awareness.leave(seat))
    this.exit(seat.connectionId)
  }

  present(): readonly AwarenessEntry[] {
    return this.#awareness.entries()
  }

  announce(seat: Seat, entries: readonly AwarenessEntry[]): void {
    if (!this.#seats.has(seat)) return
    const { changed, gone } = this.#awareness.announce(seat, entries)
    this.#tell(changed)
    if (gone.length > 0) seat.outbox.send(seat.encoder.awareness(gone))
  }

  /** @throws Outage */
  stateVector(): Promise<Uint8Array> {
    return this.#ask(() => this.#ports.engine.stateVector(this.terms.id))
  }

  /** Of a kept document nothing that is not durable: whoever sees it may count on it. */
  async missing(vector: Uint8Array): Promise<Result<Uint8Array, RefusalCode>> {
    const diff = await this.#ask(() => this.#ports.engine.diff(this.terms.id, vector))
    if (diff === 'malformed') return refuse('update_malformed')
    if (this.terms.kept !== undefined) await this.#ask(() => this.#updates.settled())
    return ok(diff)
  }

  /** @throws Outage */
  submit(seat: Seat, update: Uint8Array): Promise<UpdateAnswer> {
    return this.#updates.submit(update, seat)
  }

  /** @returns the whole state; undefined where it has ended. @throws Outage */
  async state(): Promise<Uint8Array | undefined> {
    if (this.endedAs !== undefined) return undefined
    const state = await this.#ask(() => this.#ports.engine.state(this.terms.id))
    return this.endedAs === undefined ? state : undefined
  }

  /** @returns when what is on the way now is done with. */
  settled(): Promise<void> {
    return this.#updates.settled()
  }

  /** Ends it for all who have it open. Idempotent. */
  end(refusal: RefusalCode): void {
    if (this.endedAs !== undefined) return
    this.endedAs = refusal
    this.#updates.end(this.lost())
    const seats = [...this.#seats]
    this.#seats.clear()
    this.#users.clear()
    this.#ports.figures.seats -= seats.length
    for (const seat of seats) this.#audience.leave(seat)
    for (const seat of seats) seat.ended(refusal)
  }

  /** For whoever asks something of it once it has ended. */
  lost(): Outage {
    const text = 'The document was closed under its editors. They come back and open it anew.'
    return new Outage('documents_unavailable', text, { port: 'documents' })
  }

  #relay(update: Uint8Array, sender: Seat): void {
    this.#ports.figures.relays++
    this.#audience.tell((encoder) => encoder.update(update), sender)
  }

  #tell(entries: readonly AwarenessEntry[]): void {
    if (entries.length === 0) return
    this.#ports.figures.awarenessChanges += entries.length
    this.#audience.tell((encoder) => encoder.awareness(entries))
  }

  /** Whether another seat gets the same frames on the same connection. */
  #isTwice(seat: Seat): boolean {
    if ((this.#users.get(seat.connectionId) ?? 0) < 2) return false
    return [...this.#seats].some(
      (other) => other !== seat && other.outbox === seat.outbox && other.encoder === seat.encoder,
    )
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    if (this.endedAs !== undefined) throw this.lost()
    try {
      const answer = await call()
      if (this.endedAs === undefined) return answer
    } catch (error) {
      if (this.endedAs === undefined) this.terms.failed(error)
      throw error
    }
    throw this.lost()
  }
}
