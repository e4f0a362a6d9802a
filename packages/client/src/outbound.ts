/**
 * What is published: sent while there is a connection and room in the window, queued in order
 * until then. Queue and window are bounded; what does not fit is refused by name.
 */
import type { IClientPublishOptions } from 'mqtt'
import { ClientError } from './client-error.ts'

export interface Outgoing {
  readonly topic: string
  readonly payload: Uint8Array
  readonly options: IClientPublishOptions
  /** Undefined: does not expire. */
  readonly expirySeconds: number | undefined
}

/** It is not sent again. */
export type Forget = () => void

export interface OutboundPort {
  /** Answers once the broker has taken it, or at QoS 0 once it is on its way. */
  readonly send: (message: Outgoing, done: (error?: ClientError) => void) => Forget
  /** How many may be on their way at once; 0: no connection. */
  readonly window: () => number
  readonly nowMs: () => number
}

export interface OutboundSettings {
  readonly queueCountMax: number
  readonly queueDrops: 'oldest' | 'newest'
}

interface Entry {
  readonly message: Outgoing
  readonly queuedAtMs: number
  readonly settle: (error?: ClientError) => void
  forget: Forget
}

/**
 * Our bound on connections in a row that end without an acknowledgement. A broker that speaks MQTT
 * 3.1.1 does not say how much it takes, so what it closes for would be sent again without end.
 */
export const FRUITLESS_COUNT_MAX = 5

export class Outbound {
  readonly #port: OutboundPort
  readonly #settings: OutboundSettings
  readonly #queue: Entry[] = []
  readonly #sent = new Set<Entry>()
  #fruitlessCount = 0

  constructor(port: OutboundPort, settings: OutboundSettings) {
    this.#port = port
    this.#settings = settings
  }

  get queuedCount(): number {
    return this.#queue.length
  }

  publish(message: Outgoing): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: ClientError) => (error === undefined ? resolve() : reject(error))
      const entry: Entry = { message, queuedAtMs: this.#port.nowMs(), settle, forget: () => {} }
      if (this.#queue.length >= this.#settings.queueCountMax) {
        const isOldest = this.#settings.queueDrops === 'oldest'
        const dropped = isOldest ? (this.#queue.shift() ?? entry) : entry
        dropped.settle(new ClientError('queue_full'))
        if (dropped === entry) return
      }
      this.#queue.push(entry)
      this.flush()
    })
  }

  /** Sends what fits, in order. */
  flush(): void {
    while (this.#queue.length > 0 && this.#sent.size < this.#port.window()) {
      const entry = this.#queue.shift()
      if (entry !== undefined) this.#send(entry)
    }
  }

  /**
   * The connection is gone. What has QoS 1 or 2 is sent again by MQTT itself; what has QoS 0 was
   * handed over, and nobody answers for it.
   * @param isLost whether there had been one, which was not left.
   */
  down({ isLost }: { readonly isLost: boolean }): void {
    for (const entry of [...this.#sent]) {
      if ((entry.message.options.qos ?? 0) > 0) continue
      this.#sent.delete(entry)
      entry.settle()
    }
    if (isLost && this.#sent.size > 0) this.#countFruitless()
  }

  /** Nothing is sent any more. */
  close(error: ClientError): void {
    const all = [...this.#sent, ...this.#queue.splice(0)]
    this.#sent.clear()
    for (const { settle } of all) settle(error)
  }

  /** What is sent first and never acknowledged is what the broker closes for. */
  #countFruitless(): void {
    this.#fruitlessCount += 1
    const [first] = this.#sent
    if (this.#fruitlessCount < FRUITLESS_COUNT_MAX || first === undefined) return
    this.#fruitlessCount = 0
    this.#sent.delete(first)
    first.forget()
    const reason = `${FRUITLESS_COUNT_MAX} connections ended after it was sent`
    first.settle(new ClientError('publish_refused', { reason }))
  }

  #send(entry: Entry): void {
    const message = this.#leftOf(entry)
    if (message === undefined) return entry.settle(new ClientError('message_expired'))
    this.#sent.add(entry)
    entry.forget = this.#port.send(message, (error) => {
      if (!this.#sent.delete(entry)) return
      this.#fruitlessCount = 0
      entry.settle(error)
      this.flush()
    })
  }

  /** Time in the queue counts: the broker is told what is left. */
  #leftOf({ message, queuedAtMs }: Entry): Outgoing | undefined {
    const { expirySeconds, options } = message
    if (expirySeconds === undefined) return message
    const leftSeconds = Math.ceil(expirySeconds - (this.#port.nowMs() - queuedAtMs) / 1_000)
    if (leftSeconds <= 0) return undefined
    const properties = { ...options.properties, messageExpiryInterval: leftSeconds }
    return { ...message, options: { ...options, properties } }
  }
}
