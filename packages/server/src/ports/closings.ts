/**
 * Ends many connections: first every close, then what each of them leaves behind in the hub. Holds
 * the event loop for one bounded turn of closes at a time (ADR 0008). Implemented in `transports/`.
 */
export interface Closings {
  /**
   * Calls `end` once for each connection, evenly over `spreadMs`, or as fast as they close where
   * that is 0 or they are too many to be spread. What `end` throws ends that connection only.
   * Whatever the number, no session is told that it is gone before the last `end`; few are told
   * before this resolves, many soon after.
   * @returns when the last `end` was called.
   */
  endAll<C>(
    connections: readonly C[],
    end: (connection: C) => void,
    spreadMs: number,
  ): Promise<void>
}
