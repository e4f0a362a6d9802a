/**
 * Documents that several edit at a time, of every app (contract WireSocket 5, 6, 8 and 9): opened
 * by their first user, gone ten seconds after the last. It knows no protocol, no socket and no Yjs;
 * time comes through `tick`. Counts are what is in the maps, so they cannot drift: a user counts
 * while it is in a room, a room while it is in its app.
 */
import { ok, refuse } from '@lockgate/protocol/result'
import type { DocumentPin } from '../../ports/document-pins.ts'
import { Outage } from '../../ports/outage.ts'
import type { AppSpace } from '../app-space.ts'
import type { RefusalCode } from '../refusals.ts'
import { DocumentCompaction } from './document-compaction.ts'
import { documentKey } from './document-key.ts'
import type { DocumentPorts } from './document-ports.ts'
import { DocumentRoom } from './document-room.ts'
import { DocumentSpace } from './document-space.ts'
import type { DocumentAnswer, DocumentConnection, DocumentCounts } from './documents.ts'
import type { DocumentLimits, DocumentRefusal, Documents, DocumentSeat } from './documents.ts'
import type { DocumentUsage, OpenDocument } from './documents.ts'
import { KeptDocument } from './kept-document.ts'
import { PIN_TTL_MS, PinRenewal } from './pin-renewal.ts'

/** Contract WireSocket 9.4: who comes back in time goes on where it was. */
export const GRACE_MS = 10_000
/** Ours: of updates that wait for others in one document. */
const PENDING_BYTES_MAX = 1024 * 1024
/** Our bound on open documents of this node. */
export const NODE_DOCUMENT_COUNT_MAX = 100_000

/** A room with where it belongs. */
interface Place {
  readonly room: DocumentRoom
  readonly space: AppSpace
  readonly name: string
}

export class DocumentHub implements Documents, DocumentCounts {
  readonly #ports: DocumentPorts
  readonly #documentCountMax: number
  readonly #compaction: DocumentCompaction
  readonly #pinRenewal: PinRenewal
  readonly #places = new Map<DocumentRoom, Place>()
  /** Those without users, in the order their grace ends. */
  readonly #resting = new Set<Place>()
  #openings = 0

  constructor(ports: DocumentPorts, documentCountMax = NODE_DOCUMENT_COUNT_MAX) {
    this.#ports = ports
    this.#documentCountMax = documentCountMax
    this.#compaction = new DocumentCompaction(ports)
    this.#pinRenewal = new PinRenewal(ports)
    ports.engine.onLost(() => this.#engineLost())
  }

  admit(space: AppSpace, limits: DocumentLimits): DocumentAnswer<true> {
    const { connectionCountMax } = documentsOf(space).newest(limits)
    if (connectionCountMax === undefined || space.connections.size < connectionCountMax) {
      return ok(true)
    }
    return no('connections_full', { limit: connectionCountMax })
  }

  usage(space: AppSpace, limits: DocumentLimits): DocumentUsage {
    const documents = documentsOf(space)
    return {
      connectionCount: space.connections.size,
      documentCount: documents.rooms.size,
      limits: documents.newest(limits),
    }
  }

  async open(
    space: AppSpace,
    connection: DocumentConnection,
    request: OpenDocument,
  ): Promise<DocumentAnswer<DocumentSeat>> {
    const entered = this.#enter(space, connection, request)
    if (!entered.ok) return entered
    const { room } = entered.value
    room.loaded ??= this.#load(entered.value)
    try {
      const loaded = await room.loaded
      if (loaded.ok && room.endedAs === undefined) return ok(room.seat(connection, request))
      if (!loaded.ok) return loaded
    } catch (error) {
      room.exit(connection.id)
      throw error
    }
    if (room.endedAs === 'unavailable') throw room.lost()
    return refuse(room.endedAs ?? 'unavailable')
  }

  /** Removes a document and what is kept of it; whoever has it open is sent away. @throws Outage */
  async remove(space: AppSpace, name: string): Promise<void> {
    const room = space.documents?.rooms.get(name)
    if (room !== undefined) this.#end(room, 'unavailable')
    const { store, journal } = this.#ports.homeOf(space)
    await journal.passed()
    await store.remove({ appId: space.app.id, name })
  }

  /** Ends every document of an app that was deleted. */
  forget(space: AppSpace): void {
    for (const room of [...(space.documents?.rooms.values() ?? [])]) this.#end(room, 'app_unknown')
  }

  /** Whether somebody has this document open, or had a moment ago. */
  isOpen(space: AppSpace, name: string): boolean {
    return space.documents?.rooms.has(name) ?? false
  }

  /** Lets go of documents whose grace is over and keeps pins fresh. Called about once a second. */
  async tick(): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs()
    for (const place of this.#resting) {
      if (nowMs < (place.room.restsUntilMs ?? Infinity)) break
      if (!place.room.isIdle) continue
      this.#resting.delete(place)
      void this.#collect(place)
    }
    await this.#pinRenewal.tick(
      () => [...this.#places.keys()].map(({ terms }) => terms.pin),
      (pin) => this.#pinLost(pin),
    )
  }

  /** At the end, when nobody is connected: what is on the way is written down. */
  async finish(): Promise<void> {
    await Promise.all([...this.#places.keys()].map((room) => room.settled()))
    for (const place of [...this.#places.values()]) this.#drop(place)
  }

  #enter(
    space: AppSpace,
    { id }: DocumentConnection,
    { name, host, limits }: OpenDocument,
  ): DocumentAnswer<Place> {
    if (space.isGone) return refuse('app_unknown')
    const region = this.#ports.regions.regionOf(host)
    const { documentCountMax, usersPerDocumentMax } = documentsOf(space).newest(limits)
    const known = this.#lively(space, name)
    if (known !== undefined && known.room.terms.pin.region !== region) {
      return this.#elsewhere(known.room.terms.pin.region)
    }
    const userCount = (known?.room.userCount ?? 0) + (known?.room.has(id) === true ? 0 : 1)
    if (usersPerDocumentMax !== undefined && userCount > usersPerDocumentMax) {
      return no('document_users_full', { limit: usersPerDocumentMax })
    }
    const active = documentsOf(space).rooms.size
    if (known === undefined && documentCountMax !== undefined && active >= documentCountMax) {
      return no('documents_full', { limit: documentCountMax, active })
    }
    if (known === undefined && this.#places.size >= this.#documentCountMax) {
      return refuse('overloaded')
    }
    const place = known ?? this.#make(space, name, region)
    this.#resting.delete(place)
    place.room.enter(id)
    return ok(place)
  }

  /** @returns the room of a document, unless its grace is over: that is decided when it is read. */
  #lively(space: AppSpace, name: string): Place | undefined {
    const room = space.documents?.rooms.get(name)
    const place = room && this.#places.get(room)
    if (place === undefined || room === undefined) return undefined
    const isOver = this.#ports.clock.monotonicMs() >= (room.restsUntilMs ?? Infinity)
    if (!isOver || !room.isIdle) return place
    this.#drop(place)
    return undefined
  }

  #make(space: AppSpace, name: string, region: string): Place {
    const { homeOf, figures } = this.#ports
    const key = documentKey(space.app, name)
    const isKept = space.app.settings.documentPersistence
    const kept = isKept ? new KeptDocument({ appId: space.app.id, name }, homeOf(space)) : undefined
    const room: DocumentRoom = new DocumentRoom(
      {
        id: `${key}#${++this.#openings}`,
        pin: { key, region },
        kept,
        failed: (error) => this.#failed(room, error),
        emptied: () => this.#rest(room),
        grown: () => this.#compaction.runIfDue(room, space),
      },
      this.#ports,
    )
    const place = { room, space, name }
    documentsOf(space).rooms.set(name, room)
    this.#places.set(room, place)
    figures.documents = this.#places.size
    return place
  }

  /** Everything the first reply rests on. @throws Outage, and then nothing of it is left. */
  async #load(place: Place): Promise<DocumentAnswer<true>> {
    const { pins, engine, clock, figures } = this.#ports
    const { room, space } = place
    const { pin, kept, id } = room.terms
    try {
      const region = await pins.claim(pin, PIN_TTL_MS)
      if (region !== pin.region) {
        this.#forget(place, 'document_elsewhere')
        return this.#elsewhere(region)
      }
      const updates = (await kept?.load(clock.nowMs())) ?? []
      const stateBytesMax = space.app.settings.documentBytesMax
      await engine.open(id, updates, { stateBytesMax, pendingBytesMax: PENDING_BYTES_MAX })
      figures.loads++
      // Ended while it loaded: the engine had nothing to close yet.
      if (room.endedAs !== undefined) engine.close(id)
      else this.#compaction.runIfDue(room, space)
      return ok(true)
    } catch (error) {
      this.#failed(room, error)
      throw error
    }
  }

  #elsewhere(region: string): DocumentAnswer<never> {
    const redirect = this.#ports.regions.urlOf(region)
    return no('document_elsewhere', redirect === undefined ? {} : { redirect })
  }

  #rest(room: DocumentRoom): void {
    const place = this.#places.get(room)
    if (place === undefined) return
    room.restsUntilMs = this.#ports.clock.monotonicMs() + GRACE_MS
    this.#resting.add(place)
  }

  /** The end of grace. Whoever comes while the last state is written opens the document anew. */
  async #collect(place: Place): Promise<void> {
    const { room, space } = place
    if (room.terms.kept?.hasUpdates === true) await this.#compaction.run(room, space)
    this.#drop(place)
  }

  /** What cannot go on ends for those who have it open; they come back and bring what they have. */
  #failed(room: DocumentRoom, error: unknown): void {
    const { log } = this.#ports
    if (!this.#places.has(room)) return
    const isOutage = error instanceof Outage
    log.error(isOutage ? 'documents_outage' : 'documents_bug', error, {
      document: room.terms.pin.key,
    })
    this.#ports.figures.lost++
    this.#end(room, isOutage ? 'unavailable' : 'internal')
  }

  #engineLost(): void {
    const rooms = [...this.#places.keys()]
    this.#ports.figures.lost += rooms.length
    for (const room of rooms) this.#end(room, 'unavailable')
  }

  /** Another region took it after its pin ran out: whoever comes back is sent there. */
  #pinLost(pin: DocumentPin): void {
    for (const room of this.#places.keys())
      if (room.terms.pin === pin) this.#end(room, 'unavailable')
  }

  #end(room: DocumentRoom, refusal: RefusalCode): void {
    const place = this.#places.get(room)
    if (place !== undefined) this.#drop(place, refusal)
  }

  /** Lets go of a document and of its pin. Idempotent. */
  #drop(place: Place, refusal: RefusalCode = 'unavailable'): void {
    const { engine, pins, log } = this.#ports
    if (!this.#places.has(place.room)) return
    const { id, pin } = place.room.terms
    this.#forget(place, refusal)
    engine.close(id)
    pins.release(pin).catch((error: unknown) => {
      // It runs out by itself.
      log.error('document_pin_kept', error, { document: pin.key })
    })
  }

  #forget(place: Place, refusal: RefusalCode): void {
    const { room, space, name } = place
    // Another room may have its name by now.
    if (!this.#places.delete(room)) return
    this.#resting.delete(place)
    space.documents?.rooms.delete(name)
    this.#ports.figures.documents = this.#places.size
    room.end(refusal)
  }
}

function documentsOf(space: AppSpace): DocumentSpace {
  space.documents ??= new DocumentSpace()
  return space.documents
}

function no(refusal: RefusalCode, about: DocumentRefusal): DocumentAnswer<never> {
  return { ...refuse(refusal), about }
}
