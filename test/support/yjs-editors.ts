/** Editors as their users have them: y-websocket of three versions and the Hocuspocus provider. */
import { createHmac } from 'node:crypto'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import { WebsocketProvider as WebsocketProvider21 } from 'y-websocket-2.1'
import { WebsocketProvider as WebsocketProvider30 } from 'y-websocket-3.0'
import * as Y from 'yjs'
import type { LiveServer } from './server.ts'
import { until, within } from './wait.ts'

export type PlainProvider = InstanceType<typeof WebsocketProvider>
export type PlainOptions = NonNullable<ConstructorParameters<typeof WebsocketProvider>[3]>

// One cast each: the older ones say the same of themselves in their own words.
export const Y_WEBSOCKET: readonly (readonly [string, typeof WebsocketProvider])[] = [
  ['y-websocket 3.1', WebsocketProvider],
  ['y-websocket 3.0', WebsocketProvider30 as unknown as typeof WebsocketProvider],
  ['y-websocket 2.1', WebsocketProvider21 as unknown as typeof WebsocketProvider],
]
/** In the order of {@link Y_WEBSOCKET}, then Hocuspocus. */
export const EDITOR_KINDS = [...Y_WEBSOCKET.map(([name]) => name), 'Hocuspocus 4.8'] as const

/** Providers that are destroyed while they connect leave their socket without a listener. */
class Socket extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols)
    this.on('error', () => {})
  }
}
export const IN_NODE = { WebSocketPolyfill: Socket as never, disableBc: true } as const

// Each provider of y-websocket listens for the end of the process.
process.setMaxListeners(0)

/** All tests of a file come from one address. */
export const MANY_EDITORS = {
  guard: { limits: ['documents_connect.ip 1000000/1m', 'auth.ip 1000000/1m'] },
} as const

export interface Closure {
  readonly code: number
  readonly reason: string
}

/** What both kinds of provider say of their connection. */
interface Statused {
  on(event: 'status', heard: (event: { status: string }) => void): unknown
}

export interface EditorStart {
  readonly name: string
  readonly token: string
  /** State that the client has from before. */
  readonly doc?: Y.Doc
  readonly connect?: boolean
}

/** What the tests ask of either kind of provider. */
export class LiveEditor {
  readonly doc: Y.Doc
  readonly provider: PlainProvider | HocuspocusProvider
  /** Every close that was not the client's own doing. */
  readonly closes: Closure[] = []
  /** How often it was connected. */
  openCount = 0
  /** The close after which the client gave up. */
  stopped: Closure | undefined
  /** Why a Hocuspocus client may not have its document. */
  denied: string | undefined
  readonly #socket: HocuspocusProviderWebsocket | undefined

  constructor(
    parts: { readonly doc: Y.Doc; readonly provider: PlainProvider | HocuspocusProvider },
    socket?: HocuspocusProviderWebsocket,
  ) {
    this.doc = parts.doc
    this.provider = parts.provider
    this.#socket = socket
  }

  get text(): Y.Text {
    return this.doc.getText('t')
  }

  get read(): string {
    return this.text.toJSON()
  }

  get isSynced(): boolean {
    return this.provider.synced
  }

  /** Writes at the end, as one update. */
  write(text: string): void {
    this.text.insert(this.text.length, text)
  }

  /** Clients whose state of awareness is known here. */
  present(): number[] {
    return [...(this.provider.awareness?.getStates().keys() ?? [])]
  }

  /** The network goes away under the client, which comes back by itself. */
  drop(): void {
    const { provider } = this
    const socket = this.#socket ?? (provider as PlainProvider)
    const live = 'ws' in socket ? socket.ws : socket.webSocket
    ;(live as unknown as WebSocket | null)?.terminate()
  }

  /** Stays away until {@link connect}. */
  disconnect(): void {
    if (this.#socket !== undefined) this.#socket.disconnect()
    else (this.provider as PlainProvider).disconnect()
  }

  connect(): void {
    if (this.#socket !== undefined) void this.#socket.connect()
    else (this.provider as PlainProvider).connect()
  }

  synced(): Promise<true> {
    return until('the editor is synced', () => this.isSynced)
  }

  closure(): Promise<Closure> {
    return until('the server closes the editor', () => this.closes[0])
  }

  destroy(): void {
    this.provider.destroy()
    this.#socket?.destroy()
    this.doc.destroy()
  }
}

/** The editors of a test file, against one server. */
export class Editors {
  readonly #server: () => Pick<LiveServer, 'port'>
  readonly #open = new Set<LiveEditor>()

  /** @param server asked on each use. */
  constructor(server: () => Pick<LiveServer, 'port'>) {
    this.#server = server
  }

  get base(): string {
    return `ws://127.0.0.1:${this.#server().port}`
  }

  /** @param kind index into {@link EDITOR_KINDS}. */
  of(kind: number, start: EditorStart): LiveEditor {
    const [, Client] = Y_WEBSOCKET[kind] ?? []
    return Client === undefined ? this.pooled(start) : this.plain(Client, start)
  }

  plain(Client: typeof WebsocketProvider, at: EditorStart & PlainOptions): LiveEditor {
    const { name, token, doc = new Y.Doc(), ...options } = at
    const provider = new Client(this.base, name, doc, {
      ...IN_NODE,
      ...(token === '' ? {} : { params: { token } }),
      ...options,
    })
    const editor = this.#keep(new LiveEditor({ doc, provider }), provider)
    provider.on('connection-close', (event) => {
      if (event !== null) editor.closes.push({ code: event.code, reason: event.reason })
    })
    provider.on('closed', (event) => (editor.stopped = event))
    // A server that is away is what some tests are about.
    provider.on('connection-error', () => {})
    return editor
  }

  pooled({ name, token, doc = new Y.Doc() }: EditorStart): LiveEditor {
    const websocketProvider = new HocuspocusProviderWebsocket({
      url: `${this.base}/ws`,
      WebSocketPolyfill: Socket,
      delay: 200,
      minDelay: 100,
      maxDelay: 1_000,
    })
    const provider = new HocuspocusProvider({ websocketProvider, document: doc, name, token })
    const editor = this.#keep(
      new LiveEditor({ doc, provider }, websocketProvider),
      websocketProvider,
    )
    provider.on('close', ({ event }: { event: Closure }) => {
      editor.closes.push({ code: event.code, reason: event.reason })
    })
    provider.on('authenticationFailed', ({ reason }: { reason: string }) => {
      editor.denied = reason
    })
    provider.attach()
    return editor
  }

  /** Of all kinds, one each, synced. */
  async each(start: EditorStart): Promise<LiveEditor[]> {
    const all = EDITOR_KINDS.map((_, kind) => this.of(kind, start))
    await Promise.all(all.map((editor) => editor.synced()))
    return all
  }

  destroyAll(): void {
    for (const editor of this.#open) editor.destroy()
    this.#open.clear()
  }

  #keep(editor: LiveEditor, source: Pick<Statused, 'on'>): LiveEditor {
    this.#open.add(editor)
    let last = ''
    source.on('status', ({ status }) => {
      // Hocuspocus says it once more with the first message.
      if (status === 'connected' && last !== status) editor.openCount++
      last = status
    })
    return editor
  }
}

/** Waits until all of them read the same. @returns what they read. */
export async function converged(editors: readonly LiveEditor[], boundMs?: number): Promise<string> {
  const texts = () => new Set(editors.map(({ read }) => read))
  const same = () => texts().size === 1 && editors.every(({ isSynced }) => isSynced)
  await until('all replicas are the same', same, boundMs)
  return editors[0]?.read ?? ''
}

/** Signed by the customer's own backend. */
export function customerToken(secret: string, claims: Readonly<Record<string, unknown>>): string {
  const iat = Math.floor(Date.now() / 1_000)
  const parts = [
    { alg: 'HS256', typ: 'JWT' },
    { iat, exp: iat + 600, ...claims },
  ]
  const input = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

/** Of an access token, for its revocation. */
export function tokenIdOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  return String(claims.jti)
}

/** Listeners of a server that comes back where it was. */
export function listenOn(port: number): { readonly listen: Readonly<Record<string, string>> } {
  const others = ['https', 'mqtt', 'mqtts', 'ops'].map((name) => [name, '127.0.0.1:0'])
  return { listen: { ...Object.fromEntries(others), http: `127.0.0.1:${port}` } }
}

/** The close code of a bare WebSocket that says nothing. */
export function bareClosure(url: string, boundMs?: number): Promise<Closure> {
  const socket = new WebSocket(url)
  const closed = new Promise<Closure>((resolve, reject) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    socket.once('error', reject)
  })
  return within('the server closes the connection', closed, boundMs)
}
