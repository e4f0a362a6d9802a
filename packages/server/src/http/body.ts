/**
 * Reads the body of a request: the one place where bytes of a caller are kept. Counted as they
 * come, so that a body without a length is cut at the same cap as one that announces it, and ended
 * by a time of our own, so that who sends slowly is told so. What is refused is not read on: Bun
 * throws the rest away without keeping it.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'

/** The most an app may allow itself for one event. */
export const EVENT_DATA_BYTES_MAX = 102_400
/** Room for the envelope of a call, beside its event data. */
const ENVELOPE_BYTES = 64 * 1024
/** JSON text inside JSON: quotes and backslashes double. */
const ESCAPE_FACTOR = 2
/** Pusher's bound. */
export const EVENTS_PER_BATCH_MAX = 10

/**
 * What a body may have at the most, for each kind of route; ours. The same for every app: a cap of
 * its own would tell a stranger which apps exist.
 */
export const BODY_BYTES_MAX = {
  admin: 64 * 1024,
  batch: EVENT_DATA_BYTES_MAX * ESCAPE_FACTOR * EVENTS_PER_BATCH_MAX + ENVELOPE_BYTES,
  demo: 4 * 1024,
  event: EVENT_DATA_BYTES_MAX * ESCAPE_FACTOR + ENVELOPE_BYTES,
  /** An assertion of 8 KiB and some room. */
  oauth: 16 * 1024,
} as const

/**
 * What is kept of a body while nobody has proved anything. A larger one, or one that does not say
 * how long it is, is asked for once its sender is known: or strangers could have megabytes kept for
 * each connection they open, as long as they like to take.
 */
export const STRANGER_BODY_BYTES_MAX = 16 * 1024

/** How long a body may take once it is asked for: less than Bun waits, whose cut says nothing. */
export const BODY_MS_MAX = 8_000

/** What is kept at first of a body without a length; doubled as it grows. */
const FIRST_BYTES = 4 * 1024

export type BodyRefusal = 'body_large' | 'body_slow' | 'request_malformed'
export type ReadBody = Result<Uint8Array, BodyRefusal>

export interface BodyBounds {
  readonly bytesMax: number
  /** {@link BODY_MS_MAX} unless a test says otherwise. */
  readonly msMax?: number
}

/** @returns whether a body is longer than that, or may be. Nothing of it is read. */
export function mayExceed({ headers, body }: Request, bytesMax: number): boolean {
  const announced = headers.get('content-length')
  return announced === null ? body !== null : Number(announced) > bytesMax
}

/**
 * @returns the whole body, empty where there is none; `request_malformed` where it broke off or its
 * encoding did.
 */
export function readBody(request: Request, bounds: BodyBounds): Promise<ReadBody> {
  const { bytesMax, msMax = BODY_MS_MAX } = bounds
  const announced = request.headers.get('content-length')
  // An honest length is refused before anything is read. Bun has checked that it is one number.
  if (announced !== null && Number(announced) > bytesMax) return Promise.resolve(TOO_LARGE)
  // Asked for only where it is needed: Bun makes a stream of the body then.
  const reader = announced === null ? request.body?.getReader() : undefined
  if (announced === null && reader === undefined) return Promise.resolve(ok(NOTHING))
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(TOO_SLOW)
      reader?.cancel().catch(nobodyReads)
    }, msMax)
    const settle = (read: ReadBody) => {
      clearTimeout(timer)
      resolve(read)
    }
    const reading = reader === undefined ? readWhole(request, bytesMax) : count(reader, bytesMax)
    reading.then(settle, () => settle(BROKEN))
  })
}

/** Of a body with a length, which Bun lets nothing exceed. */
async function readWhole(request: Request, bytesMax: number): Promise<ReadBody> {
  const body = new Uint8Array(await request.arrayBuffer())
  return body.length > bytesMax ? TOO_LARGE : ok(body)
}

/**
 * In one buffer that grows: kept one by one, chunks of one byte would take a hundred times the
 * room.
 */
async function count(
  reader: Pick<ReadableStreamDefaultReader<Uint8Array>, 'cancel' | 'read'>,
  bytesMax: number,
): Promise<ReadBody> {
  let kept = new Uint8Array(Math.min(FIRST_BYTES, bytesMax))
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return ok(kept.subarray(0, length))
    const needed = length + value.length
    if (needed > bytesMax) {
      reader.cancel().catch(nobodyReads)
      return TOO_LARGE
    }
    if (needed > kept.length) {
      const larger = new Uint8Array(Math.min(bytesMax, Math.max(needed, 2 * kept.length)))
      larger.set(kept.subarray(0, length))
      kept = larger
    }
    kept.set(value, length)
    length = needed
  }
}

/** The client is gone; there is nothing left to give up. */
function nobodyReads(): void {}

const NOTHING = new Uint8Array(0)
const TOO_LARGE = refuse('body_large' as const)
const TOO_SLOW = refuse('body_slow' as const)
const BROKEN = refuse('request_malformed' as const, 'The body ended early.')
