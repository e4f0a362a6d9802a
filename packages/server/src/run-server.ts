/**
 * Runs an assembled server: has its addresses bound, keeps its timers, drains it. Knows no adapter.
 */
import type { Config } from './config/config.ts'
import type { Hub } from './core/hub.ts'
import type { Guard } from './core/limits/guard.ts'
import type { SharedLimits } from './core/limits/shared-limits.ts'
import type { LoadMonitor } from './core/load/load-monitor.ts'
import type { Revoker } from './core/revoker.ts'
import type { Tally } from './core/tally.ts'
import type { Upkeep } from './core/upkeep.ts'
import type { TrustedProxies } from './http/client-address.ts'
import { Listeners, type ListenerUrls } from './listeners.ts'
import type { Broker } from './ports/broker.ts'
import type { Clock } from './ports/clock.ts'
import type { Log } from './ports/log.ts'
import type { MetricsExporter } from './ports/metrics.ts'
import type { Store } from './ports/store.ts'
import type { StreamProtocol } from './sessions/session.ts'
import { drainConnections } from './transports/drain.ts'
import type { Route } from './transports/http.ts'
import type { Pump } from './transports/pump.ts'
import { Streams } from './transports/streams.ts'
import { CERTIFICATE_CHECK_MS } from './transports/tls.ts'
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
  readonly urls: ListenerUrls
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
  const { metrics, store } = parts
  const ops = { isReady: () => state.isReady, pingStore: () => store.ping(), metrics }
  const listeners = await Listeners.open(config, { ...parts, streams, ops })
  const { urls } = listeners
  parts.listening(urls.http + config.pathPrefix)
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
    setInterval(() => listeners.checkCertificates(), CERTIFICATE_CHECK_MS),
  ]
  const warmingUp = setTimeout(() => {
    parts.warmUp().catch((error: unknown) => log.error('warm_up_failed', error))
  }, WARM_UP_MS)
  state.isReady = true
  log.info('listening', urls)
  const { promise: done, resolve: finish } = Promise.withResolvers<number>()
  const drain = async (reason: string) => {
    state.isReady = false
    log.info('draining', { reason, connections: tally.connectionsOpen })
    listeners.stopTaking()
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
    await listeners.close()
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

function streamsOf({ limits }: Config, parts: ServerParts): Streams | undefined {
  const { stream: protocol } = parts.protocols
  return protocol === undefined ? undefined : new Streams(limits, { ...parts, protocol })
}
