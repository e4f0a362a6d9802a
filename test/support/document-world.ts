/** Documents over the real hub, engine and memory store, with editors that hold a real Y.Doc. */
import * as Y from 'yjs'
import { createMemoryPins } from '../../packages/server/src/adapters/document-pins-memory/document-pins.ts'
import { YjsDocumentEngine } from '../../packages/server/src/adapters/document-engine-yjs/engine.ts'
import { MemoryDocumentStore } from '../../packages/server/src/adapters/store-memory/document-store.ts'
import { systemTurns } from '../../packages/server/src/adapters/system/turns.ts'
import { AppSpace } from '../../packages/server/src/core/app-space.ts'
import { Compactor } from '../../packages/server/src/core/documents/compactor.ts'
import { DocumentFigures } from '../../packages/server/src/core/documents/document-figures.ts'
import { DocumentHub } from '../../packages/server/src/core/documents/document-hub.ts'
import type { DocumentHome } from '../../packages/server/src/core/documents/document-ports.ts'
import { DocumentJournal } from '../../packages/server/src/core/documents/document-journal.ts'
import type {
  AwarenessEntry,
  DocumentConnection,
  DocumentEncoder,
  DocumentLimits,
  DocumentSeat,
  OpenDocument,
} from '../../packages/server/src/core/documents/documents.ts'
import { DocumentRegions } from '../../packages/server/src/core/documents/regions.ts'
import type { DocumentRegion } from '../../packages/server/src/ports/records/document-region.ts'
import type { RefusalCode } from '../../packages/server/src/core/refusals.ts'
import type { DocumentEngine } from '../../packages/server/src/ports/document-engine.ts'
import type { DocumentStore } from '../../packages/server/src/ports/document-store.ts'
import type { Frame, Outbox } from '../../packages/server/src/ports/fanout.ts'
import type { Log } from '../../packages/server/src/ports/log.ts'
import { Outage } from '../../packages/server/src/ports/outage.ts'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import { HandClock } from './hand-clock.ts'
import { loadedApp } from './loaded-app.ts'
import { OPEN_SETTINGS } from './pusher-world.ts'
import { RecordingFanout } from './recording-fanout.ts'

export const NO_LIMITS: DocumentLimits = {
  connectionCountMax: undefined,
  documentCountMax: undefined,
  usersPerDocumentMax: undefined,
  issuedAtMs: 1,
}

/** Updates as bytes, awareness as text. */
export function createEncoder(): DocumentEncoder {
  return { update: (update) => update, awareness: (entries) => JSON.stringify(entries) }
}

const ENCODER = createEncoder()
const REMOTE = 'remote'

/** A store whose calls can be held back, or fail. */
export class GatedStore implements DocumentStore {
  readonly inner = new MemoryDocumentStore(() => {})
  readonly calls: string[] = []
  /** What each call of a method waits for. */
  readonly gates = new Map<keyof DocumentStore, Promise<void>>()
  readonly failing = new Set<keyof DocumentStore>()

  /** Holds calls of a method. @returns what lets them go. */
  hold(method: keyof DocumentStore): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.gates.set(method, promise)
    return () => {
      this.gates.delete(method)
      resolve()
    }
  }

  append = this.#gated('append')
  load = this.#gated('load')
  compact = this.#gated('compact')
  remove = this.#gated('remove')
  removeApp = this.#gated('removeApp')
  list = this.#gated('list')
  prune = this.#gated('prune')

  #gated<M extends keyof DocumentStore>(method: M): DocumentStore[M] {
    const gated = async (...parts: unknown[]): Promise<unknown> => {
      this.calls.push(method)
      await this.gates.get(method)
      if (this.failing.has(method)) throw new Outage('store_full', 'full', { port: 'store' })
      return Reflect.apply(this.inner[method], this.inner, parts)
    }
    return gated as DocumentStore[M]
  }
}

export class DocumentWorld {
  readonly clock = new HandClock()
  readonly figures = new DocumentFigures()
  readonly compactor = new Compactor()
  readonly logged: string[] = []
  readonly pins = createMemoryPins({ clock: this.clock })
  readonly store: GatedStore
  readonly engine: DocumentEngine
  readonly home: DocumentHome
  readonly hub: DocumentHub
  readonly space: AppSpace
  readonly log: Log = {
    debug: () => {},
    info: () => {},
    warn: (event) => void this.logged.push(event),
    error: (event) => void this.logged.push(event),
  }
  readonly #fanout = new RecordingFanout()
  #connectionCount = 0

  constructor(
    options: {
      readonly engine?: DocumentEngine
      readonly store?: GatedStore
      readonly regions?: readonly DocumentRegion[]
      readonly settings?: Partial<AppSettings>
      readonly documentCountMax?: number
    } = {},
  ) {
    const { clock, pins, figures } = this
    this.store = options.store ?? new GatedStore()
    this.engine = options.engine ?? new YjsDocumentEngine({ clock })
    const journal = new DocumentJournal({ store: this.store, clock, turns: systemTurns })
    this.home = { store: this.store, journal, compactor: this.compactor }
    this.hub = new DocumentHub(
      {
        ...{ clock, pins, figures, engine: this.engine, turns: systemTurns, fanout: this.#fanout },
        regions: new DocumentRegions('local', options.regions ?? [], { pins }),
        homeOf: () => this.home,
        log: this.log,
      },
      options.documentCountMax,
    )
    this.space = this.app('app', options.settings)
  }

  app(id: string, settings: Partial<AppSettings> = {}): AppSpace {
    const { app } = loadedApp({
      settings: { ...OPEN_SETTINGS, ...settings },
      signingKeys: [],
      app: { id },
    })
    return new AppSpace(app, this.#fanout)
  }

  editor(options: Partial<EditorTerms> = {}): Editor {
    const id = options.id ?? `c${++this.#connectionCount}`
    return new Editor(this.hub, { space: this.space, encoder: ENCODER, ...options, id })
  }

  /** An editor that has the document open and is in step with it. */
  async joined(name = 'doc', options: Partial<EditorTerms> = {}): Promise<Editor> {
    const editor = this.editor(options)
    await editor.open(name)
    await editor.sync()
    return editor
  }
}

interface EditorTerms {
  readonly id: string
  readonly space: AppSpace
  readonly encoder: DocumentEncoder
}

/** A client with a copy of its own. */
export class Editor implements Outbox {
  readonly doc = new Y.Doc()
  readonly connection: DocumentConnection
  /** Updates and awareness it was sent, as they came. */
  readonly updates: Uint8Array[] = []
  readonly awareness: AwarenessEntry[][] = []
  /** Of updates that were sent and neither answered nor failed. */
  readonly waiting = new Set<Promise<unknown>>()
  readonly outcomes: string[] = []
  readonly endings: RefusalCode[] = []
  seat: DocumentSeat | undefined
  readonly #hub: DocumentHub
  readonly #terms: EditorTerms

  constructor(hub: DocumentHub, terms: EditorTerms) {
    this.#hub = hub
    this.#terms = terms
    this.connection = {
      id: terms.id,
      protocol: 'yjs',
      source: { ip: '192.0.2.1', agent: '', protocol: 'yjs' },
      openedAtMs: 0,
      endedBy: undefined,
      openedBy: [],
      subscriptions: new Map(),
      user: undefined,
      end: () => true,
      outbox: this,
    }
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== REMOTE && this.seat !== undefined) this.#submit(this.seat, update)
    })
  }

  get text(): string {
    return this.doc.getText('t').toJSON()
  }

  send(frame: Frame): void {
    if (typeof frame === 'string') {
      this.awareness.push(JSON.parse(frame))
      return
    }
    this.updates.push(frame)
    Y.applyUpdate(this.doc, frame, REMOTE)
  }

  close(): void {
    this.leave()
  }

  /** @returns the refusal; undefined: it has a seat. */
  async ask(name: string, request: Partial<OpenDocument> = {}) {
    let endedAs: RefusalCode | undefined
    const answer = await this.#hub.open(this.#terms.space, this.connection, {
      name,
      host: 'localhost:8080',
      encoder: this.#terms.encoder,
      isReadOnly: false,
      limits: NO_LIMITS,
      ended: (refusal) => {
        endedAs = refusal
        this.seat = undefined
        this.endings.push(refusal)
      },
      ...request,
    })
    // It may end before whoever asked hears that it is open.
    if (endedAs !== undefined) return { refusal: endedAs, about: undefined }
    if (answer.ok) this.seat = answer.value
    return answer.ok ? undefined : { refusal: answer.refusal, about: answer.about }
  }

  async open(name: string, request: Partial<OpenDocument> = {}): Promise<void> {
    const refused = await this.ask(name, request)
    if (refused !== undefined) throw new Error(`refused: ${refused.refusal}`)
  }

  /** Both steps of y-protocols, both ways. */
  async sync(): Promise<void> {
    const { seat } = this
    if (seat === undefined) throw new Error('it has no seat')
    const vector = await seat.stateVector()
    const missing = await seat.missing(Y.encodeStateVector(this.doc))
    if (!missing.ok) throw new Error(missing.refusal)
    Y.applyUpdate(this.doc, missing.value, REMOTE)
    const own = Y.encodeStateAsUpdate(this.doc, vector)
    if (own.length > 2) this.#submit(seat, own)
    await this.settled()
  }

  type(text: string, at = 0): void {
    this.doc.getText('t').insert(at, text)
  }

  /** @returns when nothing of it is on the way. */
  async settled(): Promise<void> {
    await Promise.all(this.waiting)
  }

  leave(): void {
    this.seat?.leave()
    this.seat = undefined
  }

  #submit(seat: DocumentSeat, update: Uint8Array): void {
    const submitted: Promise<unknown> = seat
      .submit(update)
      .then((answer) => this.outcomes.push(answer.ok ? answer.value : answer.refusal))
      .catch((error: unknown) => this.outcomes.push(error instanceof Outage ? 'outage' : 'bug'))
      .finally(() => this.waiting.delete(submitted))
    this.waiting.add(submitted)
  }
}
