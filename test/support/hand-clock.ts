/** Time that a test moves by hand. */
import type { Clock } from '../../packages/server/src/ports/clock.ts'

/** A clock whose two times are moved by hand, and apart. */
export class HandClock implements Clock {
  wallMs = 1_900_000_000_000
  runningMs = 5_000

  nowMs(): number {
    return this.wallMs
  }

  monotonicMs(): number {
    return this.runningMs
  }

  pass(ms: number): void {
    this.wallMs += ms
    this.runningMs += ms
  }
}
