/**
 * Runs an assembled server: binds its addresses, keeps its timers, drains it. Knows no adapter.
 */
import type { Config, ListenAddress, NoListener } from './config/config.ts'
import { formatAddress } from './config/values.ts'
import type { Hub } from './core/hub.ts'
import type { Guard } from './core/limits/guard.ts'
import type { SharedLimits } from './core/limits/shared-limits.ts'
import type { LoadMonitor } from './core/load/load-monitor.ts'
import type { Revoker } from './core/revoker.ts'
import type { Tally } from './core/tally.ts'
import type { Upkeep } from './core/upkeep.ts'
import type { TrustedProxies } from './http/client-address.ts'
import { opsRoute } from './http/ops.ts'
import type { Broker } from './ports/broker.ts'
import type { Clock } from './ports/clock.ts'
import type { Log } from './ports/log.ts'
import type { MetricsExporter } from './ports/metrics.ts'
import type { Store } from './ports/store.ts'
import { StartProblem } from './ports/start-problem.ts'
import type { StreamProtocol } from './sessions/session.ts'
import { drainConnections } from './transports/drain.ts'
import { type HttpDeps, listenHttp, type Route } from './transports/http.ts'
import type { Pump } from './transports/pump.ts'
import type { Listener } from './transports/socket.ts'
import { type StreamListener, Streams } from './transports/streams.ts'
import { CERTIFICATE_CHECK_MS, TlsListener } from './transports/tls.ts'
import type { TurnWriter } from './transports/turn-writer.ts'
import type { WebSockets } from './transports/websocket.ts'

/** How often sessions, counts and caches look at the time. */
const TICK_MS = 1_000
/** How often lagging and closing sockets are looked after. */
const PUMP_CHECK_MS = 100
/** How often nodes tell each other what was used of limits. */
const LIMITS_SHARED_MS = 100
/** How long events of webhooks are gathered for one body (contract 1H.2). */
const WEBHOOK_TURN_MS = 50

/** After the rush of a start: loading what the first call would wait for holds the loop a while. */
const WARM_UP_MS = 1_000

export interface ServerParts {
  readonly route: Route
  /** Told, before the server is ready, the URL its paths are below: prefix included. */
  readonly listening: (base: string) => void
  /** Called once, at the first scrape. */
  readonly metrics: () => Promise<MetricsExporter>
  /** Loads what a start does without and an emergency must not wait for. */
  readonly warmUp: () => Promise<unknown>
  readonly webSockets: WebSockets
  readonly protocols: {
    /** Spoken over TCP and TLS; undefined: nothing listens on `listen.mqtt` and `.mqtts`. */
    readonly stream: StreamProtocol | undefined
  }
  readonly pump: Pump
  readonly writer: TurnWriter
  /** Asked for every connection over TCP and TLS. */
  readonly guard: Guard
  readonly clock: Clock
  readonly load: LoadMonitor
  readonly hub: Hub
  readonly broker: Broker
  readonly store: Store
  readonly trustedProxies: TrustedProxies
  /** Looks at the time once a second; told to finish at the end. */
  readonly upkeep: Upkeep
  readonly revoker: Revoker
  readonly limitEngine: SharedLimits
  /** Looks at the time often; told to finish once every connection has gone. */
  readonly webhookEvents: { readonly tick: () => void; readonly finish: () => Promise<void> }
  readonly tally: Tally
  readonly log: Log
}

export interface RunningServer {
  /** Where each listener answers, with the port the system chose. */
  readonly urls: {
    readonly http: string
    readonly https: string | undefined
    readonly mqtt: string | undefined
    readonly mqtts: string | undefined
    readonly ops: string
  }
  /** Resolves with the exit code once the server has drained. */
  readonly done: Promise<number>
  /** Starts to go away; a second call changes nothing. */
  drain(reason: string): void
}

/** @throws StartProblem when an address cannot be bound; nothing stays bound then. */
export async function runServer(config: Config, parts: ServerParts): Promise<RunningServer> {
  const { webSockets, pump, hub, log, tally } = parts
  const state = { isReady: false }
  const streams = streamsOf(config, parts)
  const listeners = await bind(config, { ...parts, streams }, () => state.isReady)
  parts.listening(urlOf('http', config.listen.http, listeners.http.port) + config.pathPrefix)
  const timers = [
    setInterval(() => webSockets.tick(), TICK_MS),
    setInterval(() => streams?.tick(), TICK_MS),
    setInterval(() => hub.tick(), TICK_MS),
    setInterval(() => parts.load.tick(), TICK_MS),
    setInterval(() => parts.revoker.tick(), TICK_MS),
    setInterval(() => parts.limitEngine.tick(), LIMITS_SHARED_MS),
    setInterval(() => parts.upkeep.tick(), TICK_MS),
    setInterval(() => pump.check(), PUMP_CHECK_MS),
    setInterval(() => parts.webhookEvents.tick(), WEBHOOK_TURN_MS),
    setInterval(() => void listeners.https?.check(), CERTIFICATE_CHECK_MS),
    setInterval(() => void listeners.mqtts?.check(), CERTIFICATE_CHECK_MS),
  ]
  const warmingUp = setTimeout(() => {
    parts.warmUp().catch((error: unknown) => log.error('warm_up_failed', error))
  }, WARM_UP_MS)
  state.isReady = true
  const urls = urlsOf(config, listeners)
  log.info('listening', urls)
  const { promise: done, resolve: finish } = Promise.withResolvers<number>()
  const drain = async (reason: string) => {
    state.isReady = false
    log.info('draining', { reason, connections: tally.connectionsOpen })
    void listeners.http.stop(false)
    void listeners.https?.stop(false)
    void listeners.mqtts?.stop(false)
    listeners.mqtt?.stop(false)
    const transports = streams === undefined ? [webSockets] : [webSockets, streams]
    await drainConnections(transports, config.drainMs)
    for (const timer of timers) clearInterval(timer)
    clearTimeout(warmingUp)
    await parts.webhookEvents.finish()
    await parts.upkeep.finish()
    parts.load.close()
    hub.close()
    parts.revoker.close()
    parts.limitEngine.close()
    await parts.broker.close()
    await parts.store.close()
    await listeners.ops.stop(true)
    log.info('stopped')
    finish(0)
  }
  let isDraining = false
  return {
    urls,
    done,
    drain(reason) {
      if (isDraining) return
      isDraining = true
      drain(reason).catch((error: unknown) => {
        log.error('drain_failed', error)
        finish(1)
      })
    },
  }
}

interface Listeners {
  readonly http: Listener
  readonly https: TlsListener | undefined
  readonly mqtt: StreamListener | undefined
  readonly mqtts: TlsListener | undefined
  readonly ops: Listener
}

function streamsOf({ limits }: Config, parts: ServerParts): Streams | undefined {
  const { stream: protocol } = parts.protocols
  return protocol === undefined ? undefined : new Streams(limits, { ...parts, protocol })
}

async function bind(
  config: Config,
  parts: ServerParts & { readonly streams: Streams | undefined },
  isReady: () => boolean,
): Promise<Listeners> {
  const { route, metrics, webSockets, streams, trustedProxies, store, tally, log } = parts
  const { pathPrefix, listen: addresses, tls } = config
  const open: { stop(isForced: boolean): unknown }[] = []
  const bound = async <
    N extends keyof typeof addresses,
    T extends { stop(isForced: boolean): unknown },
  >(
    name: N,
    bindTo: (address: ListenAddress) => T | Promise<T>,
  ): Promise<T | (NoListener extends Config['listen'][N] ? undefined : never)> => {
    const address: ListenAddress | NoListener = addresses[name]
    // Only where the type of the setting allows `none`.
    if (address === 'none') return undefined as never
    try {
      const listener = await bindTo(address)
      open.push(listener)
      return listener
    } catch (error) {
      throw error instanceof StartProblem ? error : bindProblem(name, address, error)
    }
  }
  const deps = { route, webSockets, pathPrefix, trustedProxies, tally, log }
  const opsDeps = { isReady, pingStore: () => store.ping(), metrics }
  const ops = { ...deps, route: opsRoute(opsDeps), webSockets: undefined, pathPrefix: '' }
  try {
    return {
      https: tls && (await bound('https', (address) => httpsOf(address, tls, deps))),
      mqtts:
        tls &&
        streams &&
        (await bound('mqtts', (address) => mqttsOf(address, tls, { streams, log }))),
      ops: await bound('ops', (address) => listenHttp({ address, isShared: false }, ops)),
      mqtt:
        streams && (await bound('mqtt', (address) => streams.listen({ address, isShared: false }))),
      http: await bound('http', (address) => listenHttp({ address, isShared: false }, deps)),
    }
  } catch (error) {
    await Promise.all(open.map((listener) => listener.stop(true)))
    throw error
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

function urlsOf(
  { listen }: Config,
  { http, https, mqtt, mqtts, ops }: Listeners,
): RunningServer['urls'] {
  const ofBound = (
    name: 'https' | 'mqtt' | 'mqtts',
    at: { port: number | undefined } | undefined,
  ) => {
    const address = listen[name]
    return at && address !== 'none' ? urlOf(name, address, at.port) : undefined
  }
  return {
    http: urlOf('http', listen.http, http.port),
    https: ofBound('https', https),
    mqtt: ofBound('mqtt', mqtt),
    mqtts: ofBound('mqtts', mqtts),
    ops: urlOf('http', listen.ops, ops.port),
  }
}

function bindProblem(
  name: keyof Config['listen'],
  address: ListenAddress,
  cause: unknown,
): StartProblem {
  const why = cause instanceof Error ? cause.message : String(cause)
  const none = name === 'mqtt' || name === 'mqtts' ? '; with `none` nothing listens there' : ''
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
