/**
 * What the server counts: plain numbers, added to on the message path and read when somebody asks.
 * Labels are refusal codes and nothing a client chooses, so the set is bounded.
 */
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { RefusalCode } from './refusals.ts'

/** What one kind of transport carries. */
export interface TransportTraffic {
  open: number
  /** Of the streams only: what WebSockets carry is counted as frames. */
  bytesReceived: number
  bytesSent: number
}

export type ProtocolName = 'pusher' | 'mqtt' | 'wsocket' | 'yjs'

const nothingYet = (): TransportTraffic => ({ open: 0, bytesReceived: 0, bytesSent: 0 })

export class Tally {
  connectionsOpen = 0
  connectionsOpened = 0
  readonly transports = { websocket: nothingYet(), tcp: nothingYet(), tls: nothingYet() }
  /** Connections now. */
  readonly protocols: Record<ProtocolName, number> = { pusher: 0, mqtt: 0, wsocket: 0, yjs: 0 }
  messagesPublished = 0
  messagesDelivered = 0
  clientEvents = 0
  topicSubscriptions = 0
  topicSubscriptionBytes = 0
  retainedMessages = 0
  retainedBytes = 0
  retainedLookUpsCut = 0
  topicMessagesUnforwarded = 0
  framesReceived = 0
  httpRequests = 0
  slowConsumers = 0
  laggingConnections = 0
  pendingFrameBytes = 0
  backlogBytes = 0
  bugs = 0
  readonly refusals = new Map<RefusalCode, number>()

  /** @param protocol undefined: it is refused, and was let in to be told so. */
  opened(traffic: TransportTraffic, protocol: ProtocolName | undefined): void {
    this.connectionsOpened++
    this.connectionsOpen++
    traffic.open++
    if (protocol !== undefined) this.protocols[protocol]++
  }

  closed(traffic: TransportTraffic, protocol: ProtocolName | undefined): void {
    this.connectionsOpen--
    traffic.open--
    if (protocol !== undefined) this.protocols[protocol]--
  }

  refused(code: RefusalCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
  }
}

type TallyNumber = { [K in keyof Tally]: Tally[K] extends number ? K : never }[keyof Tally]

/** @returns the numbers of `tally` under their Prometheus names. */
export function tallyMetrics(tally: Tally): MetricDefinitions {
  const { counter, gauge } = numbersOf(tally)
  const byTransport = (field: keyof TransportTraffic) => () =>
    Object.entries(tally.transports).map(([name, traffic]) => [name, traffic[field]] as const)
  const streamBytes = (field: keyof TransportTraffic) => () =>
    byTransport(field)().filter(([name]) => name !== 'websocket')
  return {
    plain: [
      counter('connectionsOpened', 'connections', 'Connections opened'),
      counter('messagesPublished', 'messages_published', 'Messages handed to the hub'),
      counter('messagesDelivered', 'messages_delivered', 'Messages times receivers'),
      counter('clientEvents', 'client_events', 'Client events accepted'),
      counter('framesReceived', 'frames_received', 'WebSocket messages received'),
      counter('httpRequests', 'http_requests', 'HTTP requests, upgrades included'),
      counter('slowConsumers', 'slow_consumers', 'Connections cut for not reading'),
      counter('bugs', 'bugs', 'Errors that should not exist; each is in the log'),
      gauge('connectionsOpen', 'connections_open', 'Connections now'),
      {
        // Contract WireSocket 8: a gauge, whatever its name says.
        name: 'wiresocket_connections_total',
        help: 'The same, as WireSocket calls it',
        kind: 'gauge',
        read: () => tally.connectionsOpen,
      },
      gauge('laggingConnections', 'connections_lagging', 'Connections that read slowly now'),
      gauge('pendingFrameBytes', 'pending_frame_bytes', 'Frames waiting for their turn'),
      gauge('backlogBytes', 'backlog_bytes', 'Frames waiting for slow readers'),
      ...topicNumbers(tally),
    ],
    labelled: [
      {
        name: 'lockgate_refusals_total',
        help: 'What was refused, by code',
        kind: 'counter',
        label: 'code',
        read: () => tally.refusals,
      },
      {
        name: 'lockgate_transport_connections_open',
        help: 'Connections now, by what carries them',
        kind: 'gauge',
        label: 'transport',
        read: byTransport('open'),
      },
      {
        name: 'lockgate_protocol_connections_open',
        help: 'Connections now, by what they speak',
        kind: 'gauge',
        label: 'protocol',
        read: () => Object.entries(tally.protocols),
      },
      {
        name: 'lockgate_stream_received_bytes_total',
        help: 'Bytes read from TCP and TLS connections, without TLS itself',
        kind: 'counter',
        label: 'transport',
        read: streamBytes('bytesReceived'),
      },
      {
        name: 'lockgate_stream_sent_bytes_total',
        help: 'Bytes that the system took for TCP and TLS connections, without TLS itself',
        kind: 'counter',
        label: 'transport',
        read: streamBytes('bytesSent'),
      },
    ],
  }
}

/** What the hub of topics counts. */
function topicNumbers(tally: Tally): MetricDefinitions['plain'] {
  const { counter, gauge } = numbersOf(tally)
  return [
    gauge('topicSubscriptions', 'topic_subscriptions', 'Subscriptions to topics now'),
    gauge(
      'topicSubscriptionBytes',
      'topic_subscription_bytes',
      'Memory of subscriptions to topics, estimated',
    ),
    gauge('retainedMessages', 'retained_messages', 'Retained messages now'),
    gauge('retainedBytes', 'retained_bytes', 'Memory of retained messages, estimated'),
    counter(
      'retainedLookUpsCut',
      'retained_look_ups_cut',
      'New subscriptions that did not get all retained messages: there were too many',
    ),
    counter(
      'topicMessagesUnforwarded',
      'topic_messages_unforwarded',
      'Messages to topics too large for the bus, which other nodes did not get',
    ),
  ]
}

function numbersOf(tally: Tally) {
  const counter = (field: TallyNumber, name: string, help: string) =>
    ({ name: `lockgate_${name}_total`, help, kind: 'counter', read: () => tally[field] }) as const
  const gauge = (field: TallyNumber, name: string, help: string) =>
    ({ name: `lockgate_${name}`, help, kind: 'gauge', read: () => tally[field] }) as const
  return { counter, gauge }
}
