/**
 * A network connection as the state of its session sees it. The session implements it; encoding,
 * topic aliases and sockets are its own.
 */
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'

/** How one PUBLISH goes out. */
export interface Sending {
  /** It may have been sent before (§3.3.1.1). */
  readonly isDuplicate: boolean
  /** What is left of its life when it leaves [MQTT-3.3.2-6]; undefined: it does not expire. */
  readonly expirySeconds: number | undefined
}

export interface ClientLink {
  /** QoS 1 and 2 messages the client takes at a time (§3.1.2.11.3); at least 1. */
  readonly receiveMaximum: number
  /**
   * Whether the outbox takes more. Where it does not, QoS 0 is dropped and the rest waits; the
   * session calls `pump` of the state once there is room again.
   */
  readonly hasRoom: boolean
  /**
   * @param packetId 0 for QoS 0.
   * @returns false when it is larger than the client takes: it was not sent (§3.1.2.11.4).
   */
  sendPublish(delivery: TopicDelivery, packetId: number, sending: Sending): boolean
  sendPubrel(packetId: number): void
  /** Another connection has the session now: ends this one with 0x8E [MQTT-3.1.4-3]. */
  takenOver(): void
}
