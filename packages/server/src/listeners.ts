/**
 * The addresses of a server: bound together or not at all, named in the log and the banner, let go
 * of together. Knows no adapter.
 */
import type { Config } from './config/config.ts'
import type { ListenAddress, NoListener } from './config/listen-config.ts'
import { formatAddress } from './config/values.ts'
import type { ProtocolName, Tally } from './core/tally.ts'
import type { TrustedProxies } from './http/client-address.ts'
import { type OpsDeps, opsRoute } from './http/ops.ts'
import { ownListenerRoute } from './http/own-listener.ts'
import type { Log } from './ports/log.ts'
import { StartProblem } from './ports/start-problem.ts'
import { type HttpDeps, listenHttp, type Route } from './transports/http.ts'
import type { Streams } from './transports/streams.ts'
import { TlsListener } from './transports/tls.ts'
import type { WebSockets } from './transports/websocket.ts'

export interface ListenersParts {
  readonly route: Route
  readonly ops: OpsDeps
  readonly webSockets: WebSockets
  /** Undefined: nothing listens on `listen.mqtt` and `.mqtts`. */
  readonly streams: Streams | undefined
  readonly trustedProxies: TrustedProxies
  readonly tally: Tally
  readonly log: Log
}

/** Listeners for one protocol, by their settings. */
const OWN_LISTENERS = {
  pusher: 'pusher',
  wsocket: 'wsocket',
  yjs: 'yjs',
  mqttWebSocket: 'mqtt',
} as const satisfies Partial<Record<ListenerName, ProtocolName>>

type ListenerName = keyof Config['listen']
type OwnListenerName = keyof typeof OWN_LISTENERS

/** Where each listener answers, with the port the system chose. */
export type ListenerUrls = { readonly [N in 'http' | 'ops']: string } & {
  readonly [N in Exclude<ListenerName, 'http' | 'ops'>]: string | undefined
}

interface Bound {
  readonly port: number | undefined
  stop(isForced: boolean): unknown
}

export class Listeners {
  readonly #config: Config
  readonly #parts: ListenersParts
  readonly #bound = new Map<ListenerName, Bound>()

  private constructor(config: Config, parts: ListenersParts) {
    this.#config = config
    this.#parts = parts
  }

  /** @throws StartProblem when an address cannot be bound; nothing stays bound then. */
  static async open(config: Config, parts: ListenersParts): Promise<Listeners> {
    const listeners = new Listeners(config, parts)
    try {
      await listeners.#bindAll()
      return listeners
    } catch (error) {
      await Promise.all([...listeners.#bound.values()].map((each) => each.stop(true)))
      throw error
    }
  }

  get urls(): ListenerUrls {
    const url = (name: ListenerName): string | undefined => {
      const address: ListenAddress | NoListener = this.#config.listen[name]
      const bound = this.#bound.get(name)
      if (bound === undefined || address === 'none') return undefined
      return urlOf(this.#schemeOf(name), address, bound.port)
    }
    return {
      ...{ http: url('http') ?? '', https: url('https'), mqtt: url('mqtt'), mqtts: url('mqtts') },
      ...{ pusher: url('pusher'), wsocket: url('wsocket'), yjs: url('yjs') },
      ...{ mqttWebSocket: url('mqttWebSocket'), ops: url('ops') ?? '' },
    }
  }

  /** Looks whether certificates changed. */
  checkCertificates(): void {
    for (const each of this.#bound.values()) if (each instanceof TlsListener) void each.check()
  }

  /** Takes no new connection; open ones stay. Operations go on. */
  stopTaking(): void {
    for (const [name, each] of this.#bound) if (name !== 'ops') void each.stop(false)
  }

  /** The last thing of a server. */
  async close(): Promise<void> {
    await this.#bound.get('ops')?.stop(true)
  }

  async #bindAll(): Promise<void> {
    const { tls, pathPrefix } = this.#config
    const { route, ops, webSockets, streams, trustedProxies, tally, log } = this.#parts
    const deps = { route, webSockets, pathPrefix, trustedProxies, tally, log }
    const opsDeps = { ...deps, route: opsRoute(ops), webSockets: undefined, pathPrefix: '' }
    if (tls !== undefined) {
      await this.#bind('https', (address) => httpsOf(address, tls, deps))
      if (streams) await this.#bind('mqtts', (address) => mqttsOf(address, tls, { streams, log }))
    }
    await this.#bind('ops', (address) => listenHttp({ address, isShared: false }, opsDeps))
    if (streams) {
      await this.#bind('mqtt', (address) => streams.listen({ address, isShared: false }))
    }
    for (const name of Object.keys(OWN_LISTENERS) as OwnListenerName[]) {
      const own = { ...deps, route: ownListenerRoute(route), only: OWN_LISTENERS[name] }
      // An address speaks one of both: with a certificate nothing goes over it in the clear.
      await this.#bind(name, (address) =>
        tls === undefined
          ? listenHttp({ address, isShared: false }, own)
          : httpsOf(address, tls, own),
      )
    }
    await this.#bind('http', (address) => listenHttp({ address, isShared: false }, deps))
  }

  async #bind(
    name: ListenerName,
    bindTo: (address: ListenAddress) => Bound | Promise<Bound>,
  ): Promise<void> {
    const address: ListenAddress | NoListener = this.#config.listen[name]
    if (address === 'none') return
    try {
      this.#bound.set(name, await bindTo(address))
    } catch (error) {
      throw error instanceof StartProblem ? error : bindProblem(name, address, error)
    }
  }

  #schemeOf(name: ListenerName): string {
    if (!(name in OWN_LISTENERS)) return name === 'ops' ? 'http' : name
    return this.#config.tls === undefined ? 'ws' : 'wss'
  }
}

type TlsConfig = NonNullable<Config['tls']>

function httpsOf(
  address: ListenAddress,
  { certFile, keyFile }: TlsConfig,
  deps: HttpDeps,
): Promise<TlsListener> {
  const { log } = deps
  return TlsListener.open(
    address,
    { certFile, keyFile },
    { listen: (options) => listenHttp(options, deps), log },
  )
}

function mqttsOf(
  address: ListenAddress,
  files: TlsConfig,
  { streams, log }: { readonly streams: Streams; readonly log: Log },
): Promise<TlsListener> {
  const isClientRequired = files.clientCertificates === 'required'
  return TlsListener.open(address, files, {
    listen: ({ tls, ...options }) =>
      streams.listen({ ...options, tls: { ...tls, isClientRequired } }),
    log,
  })
}

function bindProblem(name: ListenerName, address: ListenAddress, cause: unknown): StartProblem {
  const why = cause instanceof Error ? cause.message : String(cause)
  const isNeeded = name === 'http' || name === 'https' || name === 'ops'
  const none = isNeeded ? '' : '; with `none` nothing listens there'
  return new StartProblem(
    `${formatAddress(address)} cannot be bound (${why}). ` +
      `Stop what uses it or change listen.${name}${none}.`,
    { cause },
  )
}

function urlOf(scheme: string, address: ListenAddress, port: number | undefined): string {
  const host = address.hostname.includes(':') ? `[${address.hostname}]` : address.hostname
  return `${scheme}://${host}:${port ?? address.port}`
}
