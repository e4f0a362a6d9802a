/**
 * The tally as Prometheus text. Counting stays a plain addition on the message path; this reads the numbers
 * only when a scraper asks.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Tally } from '../../core/tally.ts'

type TallyNumber = {
  [K in keyof Tally]: Tally[K] extends number ? K : never
}[keyof Tally]

const COUNTERS: readonly (readonly [name: string, help: string, field: TallyNumber])[] = [
  ['lockgate_connections_total', 'WebSocket connections opened', 'connectionsOpened'],
  ['lockgate_messages_published_total', 'Messages handed to the hub', 'messagesPublished'],
  ['lockgate_messages_delivered_total', 'Messages times receivers', 'messagesDelivered'],
  ['lockgate_client_events_total', 'Client events accepted', 'clientEvents'],
  ['lockgate_frames_received_total', 'WebSocket messages received', 'framesReceived'],
  ['lockgate_http_requests_total', 'HTTP requests, upgrades included', 'httpRequests'],
  ['lockgate_slow_consumers_total', 'Connections cut for not reading', 'slowConsumers'],
  ['lockgate_bugs_total', 'Errors that should not exist; each is in the log', 'bugs'],
]

const GAUGES: readonly (readonly [name: string, help: string, field: TallyNumber])[] = [
  ['lockgate_connections_open', 'WebSocket connections now', 'connectionsOpen'],
  ['lockgate_connections_lagging', 'Connections that read slowly now', 'laggingConnections'],
  ['lockgate_pending_frame_bytes', 'Frames waiting for their turn', 'pendingFrameBytes'],
  ['lockgate_backlog_bytes', 'Frames waiting for slow readers', 'backlogBytes'],
]

export interface Metrics {
  readonly contentType: string
  read(): Promise<string>
}

export function promMetrics(tally: Tally): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const [name, help, field] of COUNTERS) {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        counter.reset()
        counter.inc(tally[field])
      },
    })
  }
  for (const [name, help, field] of GAUGES) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => gauge.set(tally[field]),
    })
  }
  const refusals: Counter<'code'> = new Counter({
    name: 'lockgate_refusals_total',
    help: 'What was refused, by code',
    labelNames: ['code'],
    registers: [registry],
    collect: () => {
      refusals.reset()
      for (const [code, count] of tally.refusals) refusals.inc({ code }, count)
    },
  })
  return { contentType: registry.contentType, read: () => registry.metrics() }
}
