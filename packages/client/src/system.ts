/**
 * What the outside world is to this SDK beside the socket: HTTP, clock, randomness and timers. Web
 * standards only, so browsers, Node 20 or later and Bun have all of it; tests give their own.
 */

export interface System {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Milliseconds since 1970. May jump. */
  readonly nowMs: () => number
  /** @returns 0 or more, less than 1; not to be guessed. */
  readonly random: () => number
  /** Acts once, after `ms` or 24 days, if that is sooner. @returns what calls it off. */
  readonly after: (ms: number, act: () => void) => () => void
  /** @returns a signal that aborts after `ms`. */
  readonly deadline: (ms: number) => AbortSignal
}

const UINT32_COUNT = 2 ** 32
/** A timer of more acts at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

export const SYSTEM: System = {
  // Looked up at each call: instruments replace the global one after this module is loaded.
  fetch: (url, init) => globalThis.fetch(url, init),
  nowMs: () => Date.now(),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / UINT32_COUNT,
  after: (ms, act) => {
    const timer = setTimeout(act, Math.min(ms, TIMER_MS_MAX))
    return () => clearTimeout(timer)
  },
  deadline: (ms) => AbortSignal.timeout(ms),
}
