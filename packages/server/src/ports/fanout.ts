/**
 * How frames leave the server. A session owns one `Outbox`; the hub groups outboxes that get the
 * same bytes. Implemented in `transports/`; nothing here blocks, and every implementation bounds
 * its queues.
 */

/**
 * One encoded frame: text for JSON protocols, bytes for binary ones. Never changed once handed
 * over.
 */
export type Frame = string | Uint8Array

export interface Outbox {
  /**
   * Queues one frame. Frames sent here keep their order, and so do the frames of one group. Never
   * throws: on a closed outbox it does nothing, on a full one the connection is cut and counted as
   * `slow_consumer`.
   */
  send(frame: Frame): void
  /**
   * Flushes what is queued, sends `lastFrame`, then closes with a WebSocket close code. From here
   * on the connection sends nothing and is in no group. Idempotent; the first cause wins.
   * @param reason at most 123 UTF-8 bytes (RFC 6455 §5.5).
   */
  close(code: number, reason: string, lastFrame?: Frame): void
}

/** An outbox that says when its reader is behind, so that what can wait is not handed over yet. */
export interface PacedOutbox extends Outbox {
  /**
   * Whether little enough waits for the reader. What is sent without room is kept all the same, up
   * to the bound of the outbox. The session is told once when there is room again.
   */
  readonly hasRoom: boolean
}

/** A set of outboxes that receive the same frames in the same order. */
export interface FanoutGroup {
  readonly size: number
  /** Joins; frames published before this call are not delivered to `outbox`. Idempotent. */
  join(outbox: Outbox): void
  /** Leaves; frames published after this call are not delivered to `outbox`. Idempotent. */
  leave(outbox: Outbox): void
  /** Queues `frame` for every member but `except`, in publish order per member. */
  publish(frame: Frame, except?: Outbox): void
}

export interface Fanout {
  createGroup(): FanoutGroup
  /**
   * Whether the queue of frames not yet written has room; asked before a request publishes
   * anything.
   */
  hasRoom(): boolean
}
