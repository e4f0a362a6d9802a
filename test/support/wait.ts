/**
 * Waiting for a condition with a bound, for tests against a running server. The bound is generous:
 * it decides when a broken promise is reported, never whether a kept one is.
 */
import { setTimeout as pause } from 'node:timers/promises'

/** How long a promise of the server may take before a test calls it broken. */
export const WAIT_MS = 15_000

const POLL_MS = 10

/**
 * Polls until `probe` gives something other than undefined and false.
 * @param what names the awaited condition in the failure.
 */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  boundMs = WAIT_MS,
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + boundMs
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>
    if (performance.now() > end) throw new Error(`not within ${boundMs} ms: ${what}`)
    await pause(POLL_MS)
  }
}

/** Rejects when `promise` takes longer than the bound. */
export async function within<T>(what: string, promise: Promise<T>, boundMs = WAIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const bound = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${boundMs} ms: ${what}`)), boundMs)
  })
  try {
    return await Promise.race([promise, bound])
  } finally {
    clearTimeout(timer)
  }
}

/** Anything with pusher-js's `bind` and `unbind`: a client, its connection, a channel, a user. */
export interface Bindable {
  bind(event: string, callback: (data: never) => void): unknown
  unbind(event: string, callback: (data: never) => void): unknown
}

/** The data of the next `event` of `source`. Bind before causing it. */
export function nextEvent<T>(source: Bindable, event: string): Promise<T> {
  const heard = new Promise<T>((resolve) => {
    const callback = (data: T): void => {
      source.unbind(event, callback)
      resolve(data)
    }
    source.bind(event, callback)
  })
  return within(`event ${event}`, heard)
}

/** Keeps what `source` emits under `event`, in order. */
export function collect<T>(source: Bindable, event: string): T[] {
  const heard: T[] = []
  source.bind(event, (data: T) => heard.push(data))
  return heard
}
