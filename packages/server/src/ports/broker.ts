/**
 * The bus between nodes. One node uses the memory adapter; a cluster will use Redis.
 * Contract suite: `test/contract/broker.ts`.
 */
export interface Broker {
  /**
   * Hands `payload` to every OTHER node subscribed to `topic`; never back to the sender.
   * At most once; per sender and topic in order. Does not wait for receivers.
   * @param payload JSON text, at most {@link BROKER_PAYLOAD_BYTES_MAX} UTF-8 bytes.
   * @throws Outage `broker_unavailable` when the bus cannot take it.
   */
  publish(topic: string, payload: string): void
  /**
   * Whether another node may be subscribed to `topic`. False only where that is certain, so that
   * who asks may spare itself the making of a payload.
   */
  hasListeners(topic: string): boolean
  /**
   * @param handle called once per payload, one at a time, never during `publish` of the same node.
   * @returns a function that ends the subscription; idempotent.
   */
  subscribe(topic: string, handle: (payload: string) => void): () => void
  /** Ends all subscriptions of this node; later calls of `publish` throw. Idempotent. */
  close(): Promise<void>
}

/** Our bound: the largest event batch plus its envelope. */
export const BROKER_PAYLOAD_BYTES_MAX = 1024 * 1024
