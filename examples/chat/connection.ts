/**
 * A small client of the wSocket protocol: one connection that comes back by itself, with what was
 * missed. The official SDKs do the same; this one shows every frame (docs/protocols/wsocket.md).
 */

export interface Message {
  readonly id: string
  readonly channel: string
  readonly data: unknown
  readonly publisherId: string
  readonly timestamp: number
  readonly sequence: number
}

export interface Member {
  readonly clientId: string
  readonly joinedAt: number
  readonly data?: Readonly<Record<string, unknown>>
}

export interface Listener {
  onState(state: 'connecting' | 'connected' | 'offline'): void
  onMessage(message: Message): void
  onMembers(members: readonly Member[]): void
  onHistory(page: { readonly messages: readonly Message[]; readonly hasMore: boolean }): void
  onError(text: string): void
}

type Frame = Readonly<Record<string, unknown>>

const REWIND_COUNT = 50
const PING_MS = 30_000
const RETRY_MS = 500
const RETRY_MS_MAX = 10_000

export class Connection {
  readonly #channel: string
  readonly #url: () => Promise<string>
  readonly #listener: Listener
  readonly #members = new Map<string, Member>()
  #socket: WebSocket | undefined
  #lastTimestamp = 0
  #retryMs = RETRY_MS
  #presence: Readonly<Record<string, unknown>> = {}

  /** @param url asked for each connection: the token in it is short-lived. */
  constructor(channel: string, url: () => Promise<string>, listener: Listener) {
    this.#channel = channel
    this.#url = url
    this.#listener = listener
    setInterval(() => this.#send({ action: 'ping' }), PING_MS)
    void this.#connect()
  }

  publish(data: unknown): void {
    this.#send({ action: 'publish', channel: this.#channel, data, id: crypto.randomUUID() })
  }

  /** Who this is, for everybody in the channel; kept over reconnects. */
  enter(presence: Readonly<Record<string, unknown>>): void {
    this.#presence = presence
    this.#send({ action: 'presence.enter', channel: this.#channel, data: presence })
  }

  loadOlder(before: number): void {
    this.#send({ action: 'history', channel: this.#channel, before, limit: REWIND_COUNT })
  }

  /** For trying out what a tunnel does. */
  drop(): void {
    this.#socket?.close()
  }

  async #connect(): Promise<void> {
    this.#listener.onState('connecting')
    try {
      const socket = new WebSocket(await this.#url())
      this.#socket = socket
      socket.addEventListener('open', () => this.#opened())
      socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))))
      socket.addEventListener('close', () => this.#retry())
    } catch (error) {
      this.#listener.onError(String(error))
      this.#retry()
    }
  }

  #opened(): void {
    this.#retryMs = RETRY_MS
    const channel = this.#channel
    if (this.#lastTimestamp === 0)
      this.#send({ action: 'subscribe', channel, rewind: REWIND_COUNT })
    else this.#send({ action: 'resume', token: this.#resumeToken() })
    this.#listener.onState('connected')
    this.enter(this.#presence)
    this.#send({ action: 'presence.get', channel })
  }

  /** What this client had last; the server sends what came since. */
  #resumeToken(): string {
    return btoa(JSON.stringify({ channels: [this.#channel], since: this.#lastTimestamp }))
  }

  #retry(): void {
    this.#listener.onState('offline')
    setTimeout(() => void this.#connect(), this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX)
  }

  #receive(frame: Frame): void {
    switch (frame['action']) {
      case 'message': {
        const message = frame as unknown as Message
        this.#lastTimestamp = Math.max(this.#lastTimestamp, message.timestamp)
        return this.#listener.onMessage(message)
      }
      case 'presence.members':
        this.#members.clear()
        for (const member of frame['members'] as Member[]) {
          this.#members.set(member.clientId, member)
        }
        return this.#listener.onMembers([...this.#members.values()])
      case 'presence.enter':
      case 'presence.update': {
        const member = frame['data'] as Member
        this.#members.set(member.clientId, member)
        return this.#listener.onMembers([...this.#members.values()])
      }
      case 'presence.leave':
        this.#members.delete(String(frame['clientId']))
        return this.#listener.onMembers([...this.#members.values()])
      case 'history':
        return this.#listener.onHistory(frame as unknown as Parameters<Listener['onHistory']>[0])
      case 'error':
        return this.#listener.onError(String(frame['error']))
    }
  }

  #send(frame: Frame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame))
  }
}
