/**
 * What the outside world is to the SDK: network, clock, randomness and time to wait. Web standards
 * only, so Node 20 or later, Bun and edge runtimes have all of it; tests give their own.
 */

export interface System {
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Milliseconds since 1970. May jump. */
  readonly now: () => number
  /** @returns 0 or more, less than 1; not to be guessed. */
  readonly random: () => number
  readonly pause: (ms: number) => Promise<void>
  /** @returns a signal that aborts after so many milliseconds. */
  readonly deadline: (ms: number) => AbortSignal
}

const UINT32_COUNT = 2 ** 32

export const SYSTEM: System = {
  // Looked up at each call: instruments replace the global one after this module is loaded.
  fetch: (url, init) => globalThis.fetch(url, init),
  now: () => Date.now(),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / UINT32_COUNT,
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  deadline: (ms) => AbortSignal.timeout(ms),
}

/** Rejects with the signal's reason when it aborts first; what was waited for goes on unheard. */
export async function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(new Error('not in time'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * What may be said about an error of foreign code: its name and code. Its text and its fields can
 * hold what was sent: a database client keeps the arguments of the command that failed.
 */
export function nameFailure(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown failure'
  const codes = [error, error.cause]
    .map((each) => (each instanceof Error && 'code' in each ? each.code : undefined))
    .filter((code) => typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code))
  const name = /^\w{1,64}$/.test(error.name) ? error.name : 'Error'
  return codes.length === 0 ? name : `${name} (${codes.join(', ')})`
}
