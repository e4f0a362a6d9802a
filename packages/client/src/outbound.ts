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

export interface OutboundPort {
  /** Answers once the broker has taken it, or at QoS 0 once it is on its way. */
  readonly send: (message: Outgoing, done: (error?: ClientError) => void) => void
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
}

export class Outbound {
  readonly #port: OutboundPort
  readonly #settings: OutboundSettings
  readonly #queue: Entry[] = []
  readonly #sent = new Set<Entry>()

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
      const entry = { message, queuedAtMs: this.#port.nowMs(), settle }
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
   */
  down(): void {
    for (const entry of [...this.#sent]) {
      if ((entry.message.options.qos ?? 0) > 0) continue
      this.#sent.delete(entry)
      entry.settle()
    }
  }

  /** Nothing is sent any more. */
  close(error: ClientError): void {
    const all = [...this.#sent, ...this.#queue.splice(0)]
    this.#sent.clear()
    for (const { settle } of all) settle(error)
  }

  #send(entry: Entry): void {
    const message = this.#leftOf(entry)
    if (message === undefined) return entry.settle(new ClientError('message_expired'))
    this.#sent.add(entry)
    this.#port.send(message, (error) => {
      if (!this.#sent.delete(entry)) return
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
