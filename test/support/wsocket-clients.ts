/**
 * One client per family of wSocket SDKs, written from contract wSocket 1 to 6: what each sends, and
 * what it reads of the frames it gets. Neither looks at a field that only the other one reads.
 */
import { type ClientOptions, WebSocket } from 'ws'
import { until } from './wait.ts'

export type WireFrame = Readonly<Record<string, unknown>>

export interface ReadMessage {
  readonly channel: string
  readonly id: string
  readonly data: unknown
  readonly timestamp: number
}

export interface ReadMember {
  readonly clientId: string
  readonly joinedAt: number
  readonly data?: unknown
}

/** How an upgrade was refused. */
export interface RefusedUpgrade {
  readonly status: number
  readonly retryAfter: string | undefined
  readonly body: WireFrame
}

/** A connection and everything that came over it. */
class Connection {
  readonly frames: WireFrame[] = []
  closed: number | undefined
  readonly socket: WebSocket

  constructor(url: string, options: ClientOptions) {
    this.socket = new WebSocket(url, { perMessageDeflate: false, ...options })
    // Several SDKs take text alone.
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) this.frames.push(JSON.parse(data.toString('utf8')) as WireFrame)
    })
    this.socket.on('close', (code) => {
      this.closed = code
    })
    this.socket.on('error', () => {})
  }
}

/** What both families do alike. */
abstract class ScriptedClient {
  readonly channels = new Set<string>()
  readonly messages: ReadMessage[] = []
  /** Newest time over all channels; what it resumes from. */
  lastTs = 0
  #connection: Connection | undefined
  #readCount = 0
  readonly #url: string
  readonly #options: ClientOptions

  constructor(url: string, options: ClientOptions = {}) {
    this.#url = url
    this.#options = options
  }

  /** Resolves on open, and then resumes or subscribes to what it had. */
  async connect(): Promise<void> {
    const connection = new Connection(this.#url, this.#options)
    this.#connection = connection
    this.#readCount = 0
    await until('the connection is open', () => connection.socket.readyState === WebSocket.OPEN)
    if (this.lastTs > 0 && this.channels.size > 0) this.send(this.resumeFrame())
    else for (const channel of this.channels) this.send({ action: 'subscribe', channel })
  }

  /** As a network that goes away, or a page that is closed. */
  async disconnect(): Promise<void> {
    const { socket } = this.#live
    this.read()
    socket.close()
    await until('the connection is closed', () => socket.readyState === WebSocket.CLOSED)
    this.read()
  }

  /** As a network that breaks: what was on its way is lost. */
  async drop(): Promise<void> {
    const { socket } = this.#live
    socket.terminate()
    await until('the connection is gone', () => socket.readyState === WebSocket.CLOSED)
    this.read()
  }

  get frames(): readonly WireFrame[] {
    return this.#live.frames
  }

  get closed(): number | undefined {
    return this.#live.closed
  }

  send(frame: WireFrame): void {
    this.#live.socket.send(JSON.stringify(frame))
  }

  sendBinary(): void {
    this.#live.socket.send(Buffer.from('{}'))
  }

  /** @returns the first frame from now or before that fits. */
  async next(what: string, fits: (frame: WireFrame) => boolean): Promise<WireFrame> {
    const frame = await until(what, () => this.frames.find(fits))
    this.read()
    return frame
  }

  async subscribe(channel: string, more: WireFrame = {}): Promise<void> {
    this.send({ action: 'subscribe', channel, ...more })
    await this.next(`subscribed to ${channel}`, (frame) => {
      return frame['action'] === 'subscribed' && frame['channel'] === channel
    })
    this.channels.add(channel)
  }

  async publish(channel: string, id: string, data: unknown): Promise<void> {
    this.send({ action: 'publish', channel, id, data })
    await this.next(`the ack of ${id}`, (frame) => frame['action'] === 'ack' && frame['id'] === id)
  }

  /** Takes what has come. */
  read(): void {
    for (const frame of this.frames.slice(this.#readCount)) {
      if (frame['action'] === 'message') {
        const { channel, id, data, timestamp } = frame as unknown as ReadMessage
        this.messages.push({ channel, id, data, timestamp })
        this.lastTs = Math.max(this.lastTs, timestamp)
      }
      this.take(frame)
    }
    this.#readCount = this.frames.length
  }

  get ids(): readonly string[] {
    this.read()
    return this.messages.map(({ id }) => id)
  }

  /** Frames that this family alone reads its way. */
  protected abstract take(frame: WireFrame): void
  protected abstract resumeFrame(): WireFrame
  abstract memberOf(frame: WireFrame): ReadMember
  abstract membersOf(frame: WireFrame): readonly ReadMember[]
  abstract pageOf(frame: WireFrame): {
    readonly messages: readonly ReadMessage[]
    readonly hasMore: boolean
  }

  get #live(): Connection {
    if (this.#connection === undefined) throw new Error('it never connected')
    return this.#connection
  }
}

/** JS, Python, Go, PHP, Rust, C#, Java: reads `data`, keeps a token that the server made. */
export class FamilyA extends ScriptedClient {
  resumeToken: string | undefined

  protected take({ action, id, data }: WireFrame): void {
    if (action !== 'ack' || id !== 'resume') return
    const { resumeToken } = data as { resumeToken?: string }
    if (resumeToken !== undefined) this.resumeToken = resumeToken
  }

  protected resumeFrame(): WireFrame {
    const own = btoa(JSON.stringify({ channels: [...this.channels], lastTs: this.lastTs }))
    return { action: 'resume', resumeToken: this.resumeToken ?? own }
  }

  memberOf({ data }: WireFrame): ReadMember {
    return data as ReadMember
  }

  membersOf({ data }: WireFrame): readonly ReadMember[] {
    return data as readonly ReadMember[]
  }

  pageOf({ data }: WireFrame) {
    return data as ReturnType<ScriptedClient['pageOf']>
  }
}

/** Swift, Kotlin, Dart, Elixir: reads the top, builds what it has of `subscribed` frames. */
export class FamilyB extends ScriptedClient {
  protected take({ action, channel }: WireFrame): void {
    if (action === 'subscribed') this.channels.add(String(channel))
    if (action === 'unsubscribed') this.channels.delete(String(channel))
  }

  protected resumeFrame(): WireFrame {
    const own = JSON.stringify({ channels: [...this.channels], since: this.lastTs })
    return { action: 'resume', token: Buffer.from(own).toString('base64url') }
  }

  memberOf({ clientId, joinedAt, data }: WireFrame): ReadMember {
    return { clientId: String(clientId), joinedAt: Number(joinedAt), data }
  }

  membersOf({ members }: WireFrame): readonly ReadMember[] {
    return members as readonly ReadMember[]
  }

  pageOf({ messages, hasMore }: WireFrame) {
    return { messages: messages as readonly ReadMessage[], hasMore: hasMore === true }
  }
}

/** @returns how the server refuses an upgrade. */
export async function refusedUpgrade(
  url: string,
  options: ClientOptions = {},
): Promise<RefusedUpgrade> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, options)
    socket.on('open', () => reject(new Error('it was let in')))
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.on('data', (part: Buffer) => {
        text += part.toString('utf8')
      })
      response.on('end', () => {
        const retryAfter = response.headers['retry-after']
        resolve({ status: response.statusCode ?? 0, retryAfter, body: JSON.parse(text) })
      })
    })
  })
}
