/**
 * Looks through an update before Yjs does: whether every reader can read it, and how much it
 * brings. Pure, one pass. Yjs trusts announced counts, reads one thing in two ways in two places,
 * and throws in the middle of integrating; what would make it do so never reaches it, nor a client.
 */
import { UpdateReader } from './update-reader.ts'

export interface UpdateShape {
  /** Of clock ticks: characters, values, deleted ones too. */
  readonly tickCount: number
  readonly deleteCount: number
  /** Whether it is a whole document: it builds on nothing but itself. */
  readonly isWhole: boolean
  /** By client: where its structs end. Of a whole document that is its state vector. */
  readonly ends: ReadonlyMap<number, number>
  /** By client: where they begin, and up to where all of it builds on others. */
  readonly starts: ReadonlyMap<number, number>
  readonly needs: ReadonlyMap<number, number>
  /** Whether something is left out in the middle. */
  readonly hasSkip: boolean
}

/** Our bounds on one update. */
const STRUCT_COUNT_MAX = 1_000_000
const DELETE_COUNT_MAX = 1_000_000
/** Ours: of those whose structs cannot be placed yet, each makes Yjs look at all the others. */
export const CLIENT_COUNT_MAX = 10_000
/** Of names at the top of a document: writing one item down looks through all of them. */
export const ROOT_COUNT_MAX = 512
/** A subdocument is a whole Y.Doc wherever the update is applied. */
export const SUBDOCUMENT_COUNT_MAX = 1_000
/** Our bound: far beyond any document, and Yjs can double and add clocks without loss. */
const CLOCK_MAX = 2 ** 48

const GC = 0
const SKIP = 10
const HAS_ORIGIN = 0x80
const HAS_RIGHT_ORIGIN = 0x40
const HAS_PARENT_KEY = 0x20
const CONTENT = 0x1f
const TYPE_COUNT = 7
const XML_ELEMENT = 3
const XML_HOOK = 5

export type Bounds = Readonly<
  Record<'structs' | 'deletes' | 'clients' | 'roots' | 'subdocuments', number>
>

const BOUNDS: Bounds = {
  structs: STRUCT_COUNT_MAX,
  deletes: DELETE_COUNT_MAX,
  clients: CLIENT_COUNT_MAX,
  roots: ROOT_COUNT_MAX,
  subdocuments: SUBDOCUMENT_COUNT_MAX,
}

/** For what was let in before: a state holds what many updates brought, and what waits. */
export const NO_BOUNDS: Bounds = {
  structs: Infinity,
  deletes: Infinity,
  clients: Infinity,
  roots: Infinity,
  subdocuments: Infinity,
}

/** @returns undefined for what is malformed or beyond a bound. */
export function shapeOfUpdate(update: Uint8Array, bounds = BOUNDS): UpdateShape | undefined {
  const scan = new Scan(update, bounds)
  const tickCount = scan.structs()
  const deleteCount = scan.deletes()
  if (!scan.isSound()) return undefined
  const { ends, starts, needs, hasSkip } = scan
  return { tickCount, deleteCount, isWhole: scan.isWhole(), ends, starts, needs, hasSkip }
}

/** @returns whether every reader can read the state vector. */
export function isStateVector(bytes: Uint8Array): boolean {
  const reader = new UpdateReader(bytes)
  for (let left = reader.count(2); left > 0 && !reader.isBroken; left--) {
    reader.number()
    if (reader.number() > CLOCK_MAX) reader.break()
  }
  return !reader.isBroken && reader.restLength === 0
}

class Scan {
  readonly #reader: UpdateReader
  readonly #bounds: Bounds
  #subdocumentCount = 0
  readonly #roots = new Set<string>()
  hasSkip = false
  readonly starts = new Map<number, number>()
  readonly ends = new Map<number, number>()
  /** Up to where others build on the structs of a client. */
  readonly needs = new Map<number, number>()

  constructor(update: Uint8Array, bounds: Bounds) {
    this.#reader = new UpdateReader(update)
    this.#bounds = bounds
  }

  isSound(): boolean {
    return !this.#reader.isBroken && this.#reader.restLength === 0
  }

  isWhole(): boolean {
    if (this.hasSkip) return false
    for (const start of this.starts.values()) if (start > 0) return false
    for (const [client, clock] of this.needs) if (clock > (this.ends.get(client) ?? 0)) return false
    return true
  }

  structs(): number {
    const reader = this.#reader
    let [tickCount, structCount] = [0, 0]
    const clientCount = reader.count(3)
    if (clientCount > this.#bounds.clients) reader.break()
    for (let left = clientCount; left > 0 && !reader.isBroken; left--) {
      const count = reader.count(2)
      const client = reader.number()
      structCount += count
      // Of a client that comes twice Yjs forgets the first part.
      if (this.ends.has(client) || structCount > this.#bounds.structs) reader.break()
      tickCount += this.#structsOf(client, count)
    }
    return tickCount
  }

  deletes(): number {
    const reader = this.#reader
    const clients = new Set<number>()
    let deleteCount = 0
    for (let left = reader.count(2); left > 0 && !reader.isBroken; left--) {
      const client = reader.number()
      const count = reader.count(2)
      deleteCount += count
      if (deleteCount > this.#bounds.deletes || clients.has(client)) reader.break()
      clients.add(client)
      this.#deletesOf(client, count)
    }
    return deleteCount
  }

  /** In order and apart, as Yjs writes them: it walks through all that each one covers. */
  #deletesOf(client: number, count: number): void {
    const reader = this.#reader
    let end = 0
    for (let left = count; left > 0 && !reader.isBroken; left--) {
      const [clock, length] = [reader.number(), reader.number()]
      if (length === 0 || clock < end || clock + length > CLOCK_MAX) reader.break()
      end = clock + length
    }
    this.#need(client, end)
  }

  #structsOf(client: number, count: number): number {
    const reader = this.#reader
    let clock = reader.number()
    let tickCount = 0
    this.starts.set(client, clock)
    for (let left = count; left > 0 && !reader.isBroken; left--) {
      const head = reader.byte()
      const length =
        head === GC || head === SKIP ? reader.number() : this.#item(head, client, clock)
      // One without length would stand in the place of the next.
      if (length === 0 || clock + length > CLOCK_MAX) reader.break()
      clock += length
      if (head === SKIP) this.hasSkip = true
      else tickCount += length
    }
    this.ends.set(client, clock)
    return tickCount
  }

  #item(head: number, client: number, clock: number): number {
    const reader = this.#reader
    if (head & HAS_ORIGIN) this.#reference(client, clock)
    if (head & HAS_RIGHT_ORIGIN) this.#reference(client, clock)
    if ((head & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) {
      const isRoot = reader.number()
      if (isRoot > 1) reader.break()
      if (isRoot === 1) this.#root()
      else this.#reference(client, clock)
      if (head & HAS_PARENT_KEY) reader.skipText()
    }
    return this.#content(head & CONTENT)
  }

  #root(): void {
    this.#roots.add(this.#reader.text())
    if (this.#roots.size > this.#bounds.roots) this.#reader.break()
  }

  /** An item that builds on a later one of its own client makes Yjs throw. */
  #reference(client: number, clock: number): void {
    const reader = this.#reader
    const [of, at] = [reader.number(), reader.number()]
    if (at > CLOCK_MAX || (of === client && at >= clock)) reader.break()
    if (of !== client) this.#need(of, at + 1)
  }

  #need(client: number, end: number): void {
    if (end > (this.needs.get(client) ?? 0)) this.needs.set(client, end)
  }

  /** @returns the length of the content in clock ticks. */
  #content(kind: number): number {
    const reader = this.#reader
    switch (kind) {
      case 1: // deleted
        return reader.number()
      case 2: // JSON
        return this.#repeat(() => reader.skipJson({ orUndefined: true }))
      case 3: // binary
        reader.skipBytes()
        return 1
      case 4: // string
        return reader.skipText()
      case 5: // embed
        reader.skipJson({ orUndefined: false })
        return 1
      case 6: // format
        reader.skipText()
        reader.skipJson({ orUndefined: false })
        return 1
      case 7: // type
        this.#type()
        return 1
      case 8: // any
        return this.#repeat(() => reader.skipAny())
      case 9: // subdocument
        this.#subdocument()
        return 1
      default:
        reader.break()
        return 0
    }
  }

  #repeat(skip: () => void): number {
    const count = this.#reader.count(1)
    for (let left = count; left > 0 && !this.#reader.isBroken; left--) skip()
    return count
  }

  #type(): void {
    const type = this.#reader.number()
    if (type >= TYPE_COUNT) this.#reader.break()
    if (type === XML_ELEMENT || type === XML_HOOK) this.#reader.skipText()
  }

  #subdocument(): void {
    if (++this.#subdocumentCount > this.#bounds.subdocuments) this.#reader.break()
    this.#reader.skipText()
    this.#reader.skipAny()
  }
}
