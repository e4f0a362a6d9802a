/**
 * How frames leave the server. A session owns one `Outbox`; the hub groups outboxes that get the same
 * bytes. Implemented in `transports/`; nothing here blocks, and every implementation bounds its queues.
 */

/** One encoded frame: text for JSON protocols, bytes for binary ones. Never changed once handed over. */
export type Frame = string | Uint8Array

export interface Outbox {
  /**
   * Queues one frame after everything queued before it, groups included. Never throws: on a closed
   * outbox it does nothing, on a full one the connection is cut and counted as `slow_consumer`.
   */
  send(frame: Frame): void
  /**
   * Flushes what is queued, then closes with a WebSocket close code. Idempotent; the first cause wins.
   * @param reason at most 123 UTF-8 bytes (RFC 6455 §5.5).
   */
  close(code: number, reason: string): void
}

/** A set of outboxes that receive the same frames in the same order. */
export interface FanoutGroup {
  readonly size: number
  /** Joins; frames published before this call are not delivered to `outbox`. Idempotent. */
  join(outbox: Outbox): void
  /** Leaves; frames published after this call are not delivered to `outbox`. Idempotent. */
  leave(outbox: Outbox): void
  /**
   * Queues `frame` for every member but `except`, in publish order per member.
   * @returns false when the pending queue is full and nothing was queued.
   */
  publish(frame: Frame, except?: Outbox): boolean
}

export interface Fanout {
  createGroup(): FanoutGroup
}
