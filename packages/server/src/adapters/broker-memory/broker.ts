/**
 * The bus of a server that is one process: nodes are handles on one object. Keeps the contract of
 * the port, so the core cannot tell it from a bus between machines.
 */
import { BROKER_PAYLOAD_BYTES_MAX, type Broker } from '../../ports/broker.ts'
import { Outage } from '../../ports/outage.ts'

/** Our bounds on what one node has not handled yet; beyond, `publish` is an outage. */
export const INBOX_COUNT_MAX = 10_000
export const INBOX_BYTES_MAX = 64 * 1024 * 1024
/** Payloads one node handles before the event loop gets its turn. */
const SLICE_COUNT_MAX = 256

export interface MemoryBus {
  /** @returns the handle of one more node. */
  connect(): Broker
}

export interface MemoryBusOptions {
  /**
   * Told what a handler threw; the other handlers still run. Without it the error becomes an
   * uncaught exception of its own.
   */
  readonly onError?: (error: unknown, topic: string) => void
}

export function createMemoryBus(options: MemoryBusOptions = {}): MemoryBus {
  const nodes = new Set<MemoryBroker>()
  const onError = options.onError ?? throwUncaught
  return {
    connect() {
      const node = new MemoryBroker(nodes, onError)
      nodes.add(node)
      return node
    },
  }
}

interface Subscription {
  readonly handle: (payload: string) => void
  isLive: boolean
}

interface Delivery {
  readonly topic: string
  readonly payload: string
  readonly byteCount: number
  /** Those that were there at the time of the publish. */
  readonly subscriptions: readonly Subscription[]
}

class MemoryBroker implements Broker {
  readonly #nodes: Set<MemoryBroker>
  readonly #onError: (error: unknown, topic: string) => void
  /** The lists are replaced, never changed: a delivery keeps the one of its time. */
  readonly #subscriptions = new Map<string, readonly Subscription[]>()
  #inbox: Delivery[] = []
  #inboxByteCount = 0
  #isScheduled = false
  #isClosed = false

  constructor(nodes: Set<MemoryBroker>, onError: (error: unknown, topic: string) => void) {
    this.#nodes = nodes
    this.#onError = onError
  }

  publish(topic: string, payload: string): void {
    this.#assertOpen()
    const byteCount = Buffer.byteLength(payload)
    if (byteCount > BROKER_PAYLOAD_BYTES_MAX)
      throw new RangeError(`a broker payload of ${byteCount} bytes, more than the port allows`)
    const receivers = [...this.#nodes].filter(
      (node) => node !== this && node.#subscriptions.has(topic),
    )
    // Asked of all before any gets it: a refused publish has reached nobody.
    if (receivers.some((node) => !node.#hasRoom(byteCount)))
      throw unavailable('a node is too slow for the bus: its inbox is full')
    for (const node of receivers) node.#enqueue(topic, payload, byteCount)
  }

  hasListeners(topic: string): boolean {
    for (const node of this.#nodes) if (node !== this && node.#subscriptions.has(topic)) return true
    return false
  }

  subscribe(topic: string, handle: (payload: string) => void): () => void {
    this.#assertOpen()
    const subscription: Subscription = { handle, isLive: true }
    this.#subscriptions.set(topic, [...(this.#subscriptions.get(topic) ?? []), subscription])
    return () => this.#unsubscribe(topic, subscription)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#nodes.delete(this)
    for (const topic of [...this.#subscriptions.values()])
      for (const subscription of topic) subscription.isLive = false
    this.#subscriptions.clear()
    this.#inbox = []
    this.#inboxByteCount = 0
  }

  #unsubscribe(topic: string, subscription: Subscription): void {
    subscription.isLive = false
    const left = (this.#subscriptions.get(topic) ?? []).filter((each) => each !== subscription)
    if (left.length === 0) this.#subscriptions.delete(topic)
    else this.#subscriptions.set(topic, left)
  }

  #hasRoom(byteCount: number): boolean {
    const hasCount = this.#inbox.length < INBOX_COUNT_MAX
    return hasCount && this.#inboxByteCount + byteCount <= INBOX_BYTES_MAX
  }

  #enqueue(topic: string, payload: string, byteCount: number): void {
    const subscriptions = this.#subscriptions.get(topic) ?? []
    this.#inbox.push({ topic, payload, byteCount, subscriptions })
    this.#inboxByteCount += byteCount
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#drain())
  }

  #drain(): void {
    this.#isScheduled = false
    for (const delivery of this.#inbox.splice(0, SLICE_COUNT_MAX)) {
      this.#inboxByteCount -= delivery.byteCount
      for (const subscription of delivery.subscriptions) this.#hand(delivery, subscription)
    }
    if (this.#inbox.length > 0) this.#schedule()
  }

  #hand({ topic, payload }: Delivery, subscription: Subscription): void {
    if (!subscription.isLive) return
    try {
      subscription.handle(payload)
    } catch (error) {
      this.#onError(error, topic)
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw unavailable('this node has left the bus: start the server again')
  }
}

function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}

function unavailable(message: string): Outage {
  return new Outage('broker_unavailable', message, { port: 'broker' })
}
