/** Turns of the event loop, for work that is cut in pieces so that nobody waits for all of it. */
export interface Turns {
  /** Runs `work` in a later turn, after what came in meanwhile. What it throws is a bug. */
  next(work: () => void): void
}
