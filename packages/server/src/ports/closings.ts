/** Ends many connections without holding the event loop. Implemented in `transports/`. */
export interface Closings {
  /**
   * Calls `end` once for each connection, in slices, evenly over `spreadMs` (0: as fast as slices
   * go). What `end` throws ends that connection only.
   * @returns when the last `end` was called.
   */
  endAll<C>(
    connections: readonly C[],
    end: (connection: C) => void,
    spreadMs: number,
  ): Promise<void>
}
