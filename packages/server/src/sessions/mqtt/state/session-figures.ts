/** What MQTT sessions count, over all apps of this node. Labels are ours, never a client's. */
import type { MetricDefinitions } from '../../../ports/metrics.ts'

/**
 * - `offline`: QoS 0 for a session without a connection;
 * - `no_room`: QoS 0 for a client that does not read;
 * - `queue_full`: the oldest, or the newest by setting, of a full queue;
 * - `expired`: its message expiry came before it was sent [MQTT-3.3.2-5];
 * - `packet_large`: larger than the client takes (§3.1.2.11.4), or than a queue;
 * - `not_allowed`: its receiver may no longer have it;
 * - `store`: the store took nothing more, and its publisher was told;
 * - `session_ended`: it waited for a session that ended.
 */
export const DROP_REASONS = [
  'offline',
  'no_room',
  'queue_full',
  'expired',
  'packet_large',
  'not_allowed',
  'store',
  'session_ended',
] as const
export type DropReason = (typeof DROP_REASONS)[number]

export class SessionFigures {
  connectedCount = 0
  /** Kept in the store, connected or not. */
  storedCount = 0
  queuedCount = 0
  queuedBytes = 0
  /** Those of them that wait for sessions without a store. */
  memoryQueuedBytes = 0
  inFlightCount = 0
  takeoverCount = 0
  expiredCount = 0
  willCount = 0
  /** Of those that are not published. */
  willBytes = 0
  readonly #dropped = new Map<DropReason, number>(DROP_REASONS.map((reason) => [reason, 0]))

  dropped(reason: DropReason, count = 1): void {
    this.#dropped.set(reason, this.droppedFor(reason) + count)
  }

  droppedFor(reason: DropReason): number {
    return this.#dropped.get(reason) ?? 0
  }

  metrics(): MetricDefinitions {
    const counter = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_mqtt_${name}_total`, help, kind: 'counter', read }) as const
    const gauge = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_mqtt_${name}`, help, kind: 'gauge', read }) as const
    return {
      plain: [
        gauge('sessions_connected', 'MQTT sessions with a connection', () => this.connectedCount),
        gauge('sessions_stored', 'MQTT sessions that outlive connections', () => this.storedCount),
        gauge('queued_messages', 'Messages that wait for MQTT clients', () => this.queuedCount),
        gauge('queued_bytes', 'Bytes that wait for MQTT clients', () => this.queuedBytes),
        gauge('in_flight_messages', 'Sent and not acknowledged', () => this.inFlightCount),
        gauge('will_bytes', 'Bytes of wills that are not published', () => this.willBytes),
        counter('takeovers', 'Sessions taken over by a new connection', () => this.takeoverCount),
        counter('sessions_expired', 'Sessions whose time was over', () => this.expiredCount),
        counter('wills', 'Will messages published', () => this.willCount),
      ],
      labelled: [
        {
          name: 'lockgate_mqtt_dropped_messages_total',
          help: 'Messages that MQTT clients did not get, by reason',
          kind: 'counter',
          label: 'reason',
          read: () => this.#dropped,
        },
      ],
    }
  }
}
