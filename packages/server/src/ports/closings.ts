/**
 * Ends many connections without holding the event loop: first every close, then what each of them
 * leaves behind in the hub. Implemented in `transports/`.
 */
export interface Closings {
  /**
   * Calls `end` once for each connection, in slices, evenly over `spreadMs` (0: as fast as slices
   * go). What `end` throws ends that connection only. Whatever the number, no session is told that
   * it is gone before the last `end`; few are told before this resolves, many soon after.
   * @returns when the last `end` was called.
   */
  endAll<C>(
    connections: readonly C[],
    end: (connection: C) => void,
    spreadMs: number,
  ): Promise<void>
}
