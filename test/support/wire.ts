/**
 * A bare WebSocket client on `ws` that speaks Pusher frames by hand and remembers what came.
 */
import assert from 'node:assert/strict'
import { type ClientOptions, WebSocket } from 'ws'
import type { AppConfig, LiveServer } from './server.ts'
import { channelAuth, type KeyPair, userAuth } from './signing.ts'
import { until } from './wait.ts'

export interface WireFrame {
  readonly event: string
  readonly channel?: string
  readonly data?: unknown
  readonly user_id?: unknown
}

/** How an upgrade was refused. */
export interface UpgradeRefusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export class Wire {
  /** Every text frame as it came. */
  readonly texts: string[] = []
  readonly frames: WireFrame[] = []
  closed: { readonly code: number; readonly reason: string } | undefined
  refusal: UpgradeRefusal | undefined
  readonly socket: WebSocket
  #cursor = 0

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options })
    this.socket.on('message', (data: Buffer) => {
      this.texts.push(data.toString('utf8'))
      this.frames.push(JSON.parse(data.toString('utf8')) as WireFrame)
    })
    this.socket.on('close', (code, reason) => {
      this.closed ??= { code, reason: reason.toString('utf8') }
    })
    this.socket.on('unexpected-response', (request, response) => {
      this.refusal = { status: response.statusCode ?? 0, headers: response.headers }
      this.closed ??= { code: 1006, reason: '' }
      request.destroy()
    })
    // A refused or cut connection shows in `closed` and `refusal`; the error event adds nothing to
    // it.
    this.socket.on('error', () => (this.closed ??= { code: 1006, reason: '' }))
  }

  /** Opens a socket of `app` and waits for `pusher:connection_established`. */
  static async open(server: LiveServer, app: KeyPair, options: ClientOptions = {}): Promise<Wire> {
    const wire = new Wire(server.socketUrl(app.key), options)
    await wire.next('pusher:connection_established')
    return wire
  }

  get socketId(): string {
    const frame = this.frames.find(({ event }) => event === 'pusher:connection_established')
    return (JSON.parse(String(frame?.data)) as { socket_id: string }).socket_id
  }

  get isOpen(): boolean {
    return this.closed === undefined && this.socket.readyState === WebSocket.OPEN
  }

  /** @param frame text goes as it is, anything else as JSON. */
  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  subscribe(channel: string, auth?: string, channelData?: string): void {
    const data = { channel, auth, channel_data: channelData }
    this.send({ event: 'pusher:subscribe', data })
  }

  /** Subscribes with a good signature where the name needs one and waits for success. */
  async join(app: AppConfig, channel: string, channelData?: string): Promise<WireFrame> {
    const signed = channelData === undefined ? [channel] : [channel, channelData]
    const auth = /^(private|presence)-/.test(channel)
      ? channelAuth(app, this.socketId, ...signed)
      : undefined
    this.subscribe(channel, auth, channelData)
    return this.next('pusher_internal:subscription_succeeded', channel)
  }

  async signin(app: KeyPair, userData: Readonly<Record<string, unknown>>): Promise<WireFrame> {
    const text = JSON.stringify(userData)
    const auth = userAuth(app, this.socketId, text)
    this.send({ event: 'pusher:signin', data: { auth, user_data: text } })
    return this.next('pusher:signin_success')
  }

  /** The first frame after the last one taken that has this event (and channel). */
  async next(event: string, channel?: string): Promise<WireFrame> {
    return until(`frame ${event} ${channel ?? ''}`, () => {
      const index = this.frames.findIndex(
        (frame, at) =>
          at >= this.#cursor &&
          frame.event === event &&
          (channel === undefined || frame.channel === channel),
      )
      if (index < 0) {
        assert.equal(this.closed, undefined, `closed while waiting for ${event}: ${this.#story()}`)
        return undefined
      }
      this.#cursor = index + 1
      return this.frames[index]
    })
  }

  /** Returns when everything the server queued for this socket before now has arrived. */
  async fence(): Promise<void> {
    this.send({ event: 'pusher:ping', data: {} })
    await this.next('pusher:pong')
  }

  /** All frames so far of one event. */
  all(event: string, channel?: string): WireFrame[] {
    return this.frames.filter(
      (frame) => frame.event === event && (channel === undefined || frame.channel === channel),
    )
  }

  /** Code and reason of the end of the connection. */
  closure(boundMs?: number): Promise<{ readonly code: number; readonly reason: string }> {
    return until(`close; frames so far: ${this.#story()}`, () => this.closed, boundMs)
  }

  async close(): Promise<void> {
    this.socket.close(1000)
    await this.closure()
  }

  /** Cuts the connection without a closing handshake. */
  cut(): void {
    this.socket.terminate()
  }

  #story(): string {
    return `${JSON.stringify(this.closed)} ${this.texts.slice(-5).join(' ').slice(0, 1000)}`
  }
}

/** The data of a frame whose data is a JSON string. */
export function dataOf(frame: WireFrame): unknown {
  assert.equal(typeof frame.data, 'string', `data must be a string: ${JSON.stringify(frame)}`)
  return JSON.parse(String(frame.data))
}

/** The code of a `pusher:error` frame. */
export function errorCode(frame: WireFrame): unknown {
  const data = typeof frame.data === 'string' ? JSON.parse(frame.data) : frame.data
  return (data as { code?: unknown } | undefined)?.code
}
