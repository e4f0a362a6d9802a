/** Time as the core sees it. The only other home of the system clock is `adapters/system`. */
export interface Clock {
  /** Wall clock in milliseconds since 1970; may jump, so never use it to measure a duration. */
  nowMs(): number
  /** Monotonic milliseconds from an arbitrary start; never goes back. */
  monotonicMs(): number
}
