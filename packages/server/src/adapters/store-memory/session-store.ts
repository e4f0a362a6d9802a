/** What outlives MQTT connections, over maps. Every call is carried out at once, as a whole. */
import type {
  QueuedFor,
  SessionStore,
  SessionWrite,
  StoredDelivery,
  StoredGrant,
  StoredMessage,
  StoredSession,
  StoredSessions,
} from '../../ports/session-store.ts'
import { keyOf } from './records.ts'

interface Kept {
  session: StoredSession
  readonly grants: Map<string, StoredGrant>
  readonly taken: Set<number>
  readonly queue: Map<number, StoredDelivery>
}

type Write<K extends SessionWrite['kind']> = Extract<SessionWrite, { readonly kind: K }>

export class MemorySessionStore implements SessionStore {
  readonly #assertOpen: () => void
  readonly #sessions = new Map<string, Kept>()
  /** By app and topic. */
  readonly #retained = new Map<string, StoredSessions['retained'][number]>()

  /** @param assertOpen throws an outage once the store is closed. */
  constructor(assertOpen: () => void) {
    this.#assertOpen = assertOpen
  }

  async load(): Promise<StoredSessions> {
    this.#assertOpen()
    const sessions = [...this.#sessions.values()].map(summaryOf)
    const retained = [...this.#retained].sort(([a], [b]) => compare(a, b)).map(([, each]) => each)
    sessions.sort((a, b) => compare(a.id, b.id))
    return structuredClone({ sessions, retained })
  }

  async apply(writes: readonly SessionWrite[]): Promise<void> {
    this.#assertOpen()
    for (const write of writes) this.#apply(write)
  }

  async listQueued(page: {
    readonly sessionId: string
    readonly afterSeq: number
    readonly countMax: number
  }): Promise<readonly StoredDelivery[]> {
    this.#assertOpen()
    const queue = this.#sessions.get(page.sessionId)?.queue.values() ?? []
    return [...queue]
      .filter(({ seq }) => seq > page.afterSeq)
      .sort((a, b) => a.seq - b.seq)
      .slice(0, page.countMax)
      .map((delivery) => structuredClone(delivery))
  }

  #apply(write: SessionWrite): void {
    switch (write.kind) {
      case 'session_saved':
        return this.#save(structuredClone(write.session))
      case 'session_removed':
        return void this.#sessions.delete(write.sessionId)
      case 'queued':
        return this.#queue(write)
      case 'retained':
        return this.#retain(structuredClone(write))
      case 'unretained':
        return void this.#retained.delete(keyOf(write.appId, write.topic))
      case 'app_removed':
        return this.#removeApp(write.appId)
      default: {
        const kept = this.#sessions.get(write.sessionId)
        if (kept !== undefined) change(kept, write)
      }
    }
  }

  #save(session: StoredSession): void {
    const kept = this.#sessions.get(session.id)
    if (kept !== undefined) kept.session = session
    else {
      const empty = { grants: new Map(), taken: new Set<number>(), queue: new Map() }
      this.#sessions.set(session.id, { session, ...empty })
    }
  }

  #queue({ message, receivers }: Write<'queued'>): void {
    const own = structuredClone(message) // one for all of them: nobody changes it
    for (const receiver of receivers) {
      const queue = this.#sessions.get(receiver.sessionId)?.queue
      if (queue?.has(receiver.seq) === false) queue.set(receiver.seq, deliveryOf(own, receiver))
    }
  }

  #retain({ appId, message }: Write<'retained'>): void {
    this.#retained.set(keyOf(appId, message.topic), { appId, message })
  }

  #removeApp(appId: string): void {
    for (const { session } of this.#sessions.values()) {
      if (session.appId === appId) this.#sessions.delete(session.id)
    }
    for (const [key, retained] of this.#retained) {
      if (retained.appId === appId) this.#retained.delete(key)
    }
  }
}

function change(
  { grants, taken, queue }: Kept,
  write: Write<'subscribed' | 'unsubscribed' | 'sent' | 'received' | 'done' | 'taken' | 'released'>,
): void {
  switch (write.kind) {
    case 'subscribed':
      return void grants.set(write.grant.filter, { ...write.grant })
    case 'unsubscribed':
      return void grants.delete(write.filter)
    case 'taken':
      return void taken.add(write.packetId)
    case 'released':
      return void taken.delete(write.packetId)
    case 'done':
      return void queue.delete(write.seq)
    case 'sent':
    case 'received': {
      const { seq } = write
      const delivery = queue.get(seq)
      if (delivery === undefined) return
      if (write.kind === 'sent') queue.set(seq, { ...delivery, packetId: write.packetId })
      else queue.set(seq, { ...delivery, isReceived: true, message: goneMessage(delivery.qos) })
      return
    }
    default:
      write satisfies never
  }
}

function deliveryOf(message: StoredMessage, receiver: QueuedFor): StoredDelivery {
  const { seq, qos, retain, subscriptionIds } = receiver
  const state = { packetId: undefined, isReceived: false }
  return { seq, message, qos, retain, subscriptionIds: [...subscriptionIds], ...state }
}

/** In the place of a message that is no longer kept. */
function goneMessage(qos: 1 | 2): StoredMessage {
  const payload = new Uint8Array(0)
  return { topic: '', payload, qos, retain: false, properties: {}, expiresAtMs: undefined }
}

function summaryOf({ session, grants, taken, queue }: Kept): StoredSessions['sessions'][number] {
  const waiting = [...queue.values()].filter(({ packetId }) => packetId === undefined)
  return {
    ...session,
    grants: [...grants.values()].sort((a, b) => compare(a.filter, b.filter)),
    takenPacketIds: [...taken].sort((a, b) => a - b),
    queuedCount: waiting.length,
    queuedBytes: waiting.reduce((sum, { message }) => sum + bytesOf(message), 0),
    sentCount: queue.size - waiting.length,
    lastSeq: [...queue.keys()].reduce((last, seq) => Math.max(last, seq), 0),
  }
}

function bytesOf({ topic, payload }: StoredMessage): number {
  return Buffer.byteLength(topic) + payload.length
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
