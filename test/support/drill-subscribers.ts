/** Subscribers that count every message, and prove their subscription anew while they stay. */
import { channelAuth, type KeyPair } from './signing.ts'
import { until } from './wait.ts'

/** One WebSocket, of whatever library the caller has. */
export interface DrillSocket {
  send(text: string): void
  close(): void
}

export type DrillConnect = (
  url: string,
  told: { readonly message: (text: string) => void; readonly closed: (code: number) => void },
) => DrillSocket

const EVENT = 'drill'

interface Frame {
  readonly event: string
  readonly data?: string
}

export class DrillSubscriber {
  /** How often each message came, by its id. */
  readonly #counts = new Map<string, number>()
  readonly #socket: DrillSocket
  readonly #channel: string
  #socketId = ''
  #confirmedCount = 0
  /** Set when the server ends the connection, which it never has a reason to. */
  #closedWith: number | undefined
  #isOver = false

  constructor(url: string, channel: string, connect: DrillConnect) {
    this.#channel = channel
    this.#socket = connect(url, {
      message: (text) => this.#take(JSON.parse(text) as Frame),
      closed: (code) => {
        if (!this.#isOver) this.#closedWith = code
      },
    })
  }

  /** Subscribes, or proves the subscription anew: a newer proof takes the place of the older. */
  async prove(pair: KeyPair): Promise<void> {
    await until('the connection is established', () => this.#socketId !== '')
    const before = this.#confirmedCount
    const auth = channelAuth(pair, this.#socketId, this.#channel)
    const data = { channel: this.#channel, auth }
    this.#socket.send(JSON.stringify({ event: 'pusher:subscribe', data }))
    await until('the subscription is confirmed', () => this.#confirmedCount > before)
  }

  get closedWith(): number | undefined {
    return this.#closedWith
  }

  hasAll(ids: readonly string[]): boolean {
    return ids.every((id) => this.#counts.has(id))
  }

  /** @returns how many of these did not come exactly once. */
  wrongCount(ids: readonly string[]): number {
    return ids.filter((id) => this.#counts.get(id) !== 1).length
  }

  close(): void {
    this.#isOver = true
    this.#socket.close()
  }

  #take({ event, data = '' }: Frame): void {
    if (event === 'pusher:connection_established') {
      this.#socketId = (JSON.parse(data) as { socket_id: string }).socket_id
    } else if (event === 'pusher_internal:subscription_succeeded') this.#confirmedCount++
    else if (event === EVENT) {
      this.#counts.set(data, (this.#counts.get(data) ?? 0) + 1)
    }
  }
}

/** The body of a publish that {@link DrillSubscriber} counts. */
export function drillMessage(channel: string, id: string): string {
  return JSON.stringify({ name: EVENT, channel, data: id })
}
