/**
 * The QoS 1 and 2 messages that one session has on the way to its client, by packet id, in the
 * order in which they were sent (MQTT 5 §4.3, §4.9). Bookkeeping only; pure.
 */
import type { TopicDelivery } from '../../../core/topics/topic-subscriber.ts'

/** The spec's: 0 is none (§2.2.1). */
const PACKET_ID_MAX = 65_535

/**
 * - `held`: QoS 2, its packet id is not durable yet, so it has not left;
 * - `again`: sent on an earlier connection, and not on this one;
 * - `sent`: PUBACK or PUBREC is due;
 * - `received`: PUBREC came and is not durable yet, so PUBREL has not left;
 * - `released`: PUBREL was sent, PUBCOMP is due.
 */
export type Phase = 'held' | 'again' | 'sent' | 'received' | 'released'

export interface InFlight {
  readonly packetId: number
  readonly seq: number
  readonly qos: 1 | 2
  readonly bytes: number
  /** Undefined from PUBREC on: it is not sent again [MQTT-4.3.3-6]. */
  delivery: TopicDelivery | undefined
  phase: Phase
  /** Of the journal: what has to be durable before the next packet of this flow leaves. */
  batchNumber: number
  /** Whether it took a place of the receive maximum of this connection. */
  isCounted: boolean
}

export class InFlightWindow {
  /** Of messages that are kept to be sent again. */
  bytes = 0
  /** Places taken of the receive maximum of this connection (§4.9). */
  usedCount = 0
  /** A Map keeps its order, which is that of sending. */
  readonly #entries = new Map<number, InFlight>()
  #lastPacketId = 0

  get size(): number {
    return this.#entries.size
  }

  entries(): Iterable<InFlight> {
    return this.#entries.values()
  }

  find(packetId: number): InFlight | undefined {
    return this.#entries.get(packetId)
  }

  /** Ids go round, so none is soon reused; the owner has far fewer than there are (§2.2.1). */
  freePacketId(): number {
    do {
      this.#lastPacketId = this.#lastPacketId >= PACKET_ID_MAX ? 1 : this.#lastPacketId + 1
    } while (this.#entries.has(this.#lastPacketId))
    return this.#lastPacketId
  }

  add(entry: InFlight): void {
    this.#entries.set(entry.packetId, entry)
    if (entry.delivery !== undefined) this.bytes += entry.bytes
    if (entry.isCounted) this.usedCount++
    // After a start the ids go on where they were.
    this.#lastPacketId = entry.packetId
  }

  /** Takes a place of the receive maximum [MQTT-3.3.4-9]. */
  count(entry: InFlight): void {
    if (!entry.isCounted) this.usedCount++
    entry.isCounted = true
  }

  /** The message itself is no longer needed. */
  forgetMessage(entry: InFlight): void {
    if (entry.delivery !== undefined) this.bytes -= entry.bytes
    entry.delivery = undefined
  }

  remove(entry: InFlight): void {
    this.#entries.delete(entry.packetId)
    this.forgetMessage(entry)
    if (entry.isCounted) this.usedCount--
  }

  clear(): void {
    this.#entries.clear()
    this.bytes = 0
    this.usedCount = 0
  }
}
