/**
 * One call over HTTP, with its retries. Web standards only: Node 20 or later, Bun, edge runtimes.
 * Retried is what is safe to send twice: reading calls, and changing calls, which all carry an
 * Idempotency-Key that stays the same from attempt to attempt.
 */
import { AdminProblem, AdminUnreachable, readProblem, UNEXPECTED_TEXT } from './problem.ts'

/** Our bounds. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024
const BACKOFF_FIRST_MS = 200
const BACKOFF_MAX_MS = 5_000
/** A server that asks for a longer wait is not waited for; the caller learns how long it is. */
const RETRY_AFTER_SECONDS_MAX = 30

/** What the outside world is to a client; tests give their own. */
export interface Ambient {
  readonly fetch: (request: Request) => Promise<Response>
  readonly pause: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** @returns 0 or more, less than 1. */
  readonly random: () => number
  readonly newKey: () => string
}

export interface Target {
  readonly operation: string
  /** The address of the server, without the path of the call. */
  readonly base: string
  readonly method: string
  readonly url: string
  readonly key: string
  readonly body: string | undefined
  readonly idempotencyKey: string | undefined
  readonly agent: string | undefined
}

export interface Limits {
  /** How long one attempt may take, until the whole answer, or the head of a stream, is there. */
  readonly timeoutMs: number
  readonly retryCountMax: number
  readonly signal: AbortSignal | undefined
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: AdminProblem }

/** Reads what an attempt answered. */
type Reading<T> = (answer: Response, bound: Bound) => Promise<T>

/**
 * @returns the answer as JSON, undefined for one without a body, or what the server refused with.
 * @throws AdminUnreachable when no whole answer came after the last attempt.
 */
export function exchange(
  target: Target,
  limits: Limits,
  ambient: Ambient,
): Promise<Outcome<unknown>> {
  return attempts<unknown>(target, { limits, ambient }, async (answer, bound) => {
    const text = await readText(target.operation, answer)
    bound.release()
    return answer.status === 204 ? undefined : parseAnswer(target.operation, answer, text)
  })
}

/**
 * As {@link exchange}, for an answer that is a stream: its bytes as they come. Between two of them
 * may be as much time as one attempt may take.
 */
export function openStream(
  target: Target,
  limits: Limits,
  ambient: Ambient,
): Promise<Outcome<AsyncGenerator<Uint8Array>>> {
  const { operation, base: url } = target
  return attempts(target, { limits, ambient }, (answer, bound) => {
    if (answer.body === null) throw unexpected(operation, answer)
    return Promise.resolve(bounded(answer.body, bound, { operation, url }))
  })
}

async function* bounded(
  body: ReadableStream<Uint8Array>,
  bound: Bound,
  { operation, url }: Pick<AdminUnreachable, 'operation' | 'url'>,
): AsyncGenerator<Uint8Array> {
  try {
    bound.restart()
    for await (const bytes of chunksOf(body)) {
      bound.clear() // the reader of the stream may take its time
      yield bytes
      bound.restart()
    }
  } catch (cause) {
    if (bound.isGivenUp()) throw cause
    const reason = bound.isOver() ? 'timeout' : 'cut_off'
    throw new AdminUnreachable(operation, { url, reason, cause })
  } finally {
    bound.release()
  }
}

async function attempts<T>(
  target: Target,
  how: { readonly limits: Limits; readonly ambient: Ambient },
  read: Reading<T>,
): Promise<Outcome<T>> {
  const { limits, ambient } = how
  for (let count = 0; ; count += 1) {
    const isLast = count >= limits.retryCountMax
    const outcome = await attempt(target, how, read)
    if (outcome instanceof AdminUnreachable) {
      if (isLast) throw outcome
    } else if (outcome.ok || isLast || !mayHelpLater(outcome.problem)) return outcome
    const wished =
      outcome instanceof AdminUnreachable ? 0 : (outcome.problem.retryAfterSeconds ?? 0)
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** count)
    await ambient.pause(wished * 1_000 + ambient.random() * ceiling, limits.signal)
  }
}

function mayHelpLater({ status, code, retryAfterSeconds = 0 }: AdminProblem): boolean {
  if (retryAfterSeconds > RETRY_AFTER_SECONDS_MAX) return false
  // The last one: this very call is still being carried out, so its answer comes later.
  return status === 429 || status === 503 || code === 'idempotency_running'
}

async function attempt<T>(
  target: Target,
  { limits, ambient }: { readonly limits: Limits; readonly ambient: Ambient },
  read: Reading<T>,
): Promise<Outcome<T> | AdminUnreachable> {
  const { operation, base: url } = target
  const { signal } = limits
  throwIfGivenUp(signal)
  const bound = boundOf(limits)
  let isAnswered = false
  try {
    const answer = await ambient.fetch(requestOf(target, bound.signal))
    isAnswered = true
    if (answer.ok) return { ok: true, value: await read(answer, bound) }
    const fields = readProblem(answer, await readText(operation, answer))
    bound.release()
    return { ok: false, problem: new AdminProblem(operation, fields) }
  } catch (cause) {
    bound.release()
    if (cause instanceof AdminProblem) return { ok: false, problem: cause }
    throwIfGivenUp(signal)
    const reason = bound.isOver() ? 'timeout' : isAnswered ? 'cut_off' : 'connection'
    return new AdminUnreachable(operation, { url, reason, cause })
  } finally {
    bound.clear()
  }
}

const ACCEPTED =
  'application/json, application/x-ndjson, text/event-stream, application/problem+json'

function requestOf(target: Target, signal: AbortSignal): Request {
  const headers = new Headers({
    authorization: `Bearer ${target.key}`,
    accept: ACCEPTED,
  })
  if (target.body !== undefined) headers.set('content-type', 'application/json')
  if (target.idempotencyKey !== undefined) headers.set('idempotency-key', target.idempotencyKey)
  if (target.agent !== undefined) headers.set('user-agent', target.agent)
  return new Request(target.url, {
    method: target.method,
    headers,
    signal,
    redirect: 'manual', // the key goes to the address that was named and to no other
    ...(target.body === undefined ? {} : { body: target.body }),
  })
}

interface Bound {
  /** Ends the attempt: the time is over, or the caller gave up. */
  readonly signal: AbortSignal
  readonly isOver: () => boolean
  readonly isGivenUp: () => boolean
  /** Starts the time anew. */
  readonly restart: () => void
  /** Stops the time. */
  readonly clear: () => void
  /** Stops listening to the caller as well. */
  readonly release: () => void
}

/** By hand: `AbortSignal.any` is missing in the first releases of Node 20. */
function boundOf({ timeoutMs, signal }: Limits): Bound {
  const controller = new AbortController()
  const forward = (): void => controller.abort()
  signal?.addEventListener('abort', forward, { once: true })
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const clear = (): void => clearTimeout(timer)
  const restart = (): void => {
    clear()
    timer = setTimeout(() => {
      isOver = true
      controller.abort()
    }, timeoutMs)
  }
  restart()
  return {
    signal: controller.signal,
    isOver: () => isOver,
    isGivenUp: () => signal?.aborted === true,
    restart,
    clear,
    release: () => {
      clear()
      signal?.removeEventListener('abort', forward)
    },
  }
}

function throwIfGivenUp(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw signal.reason instanceof Error ? signal.reason : new Error('the call was given up')
}

async function readText(operation: string, answer: Response): Promise<string> {
  if (answer.body === null) return ''
  const decoder = new TextDecoder()
  const parts: string[] = []
  let length = 0
  for await (const bytes of chunksOf(answer.body)) {
    length += bytes.byteLength
    if (length > ANSWER_BYTES_MAX) throw unexpected(operation, answer)
    parts.push(decoder.decode(bytes, { stream: true }))
  }
  return parts.join('') + decoder.decode()
}

/** Not the stream's own iterator: some edge runtimes have none. Leaving early ends the stream. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  let isOpen = true
  try {
    for (;;) {
      isOpen = false // a stream that fails here is closed already
      const next = await reader.read()
      if (next.done) return
      isOpen = true
      yield next.value
    }
  } finally {
    if (isOpen) await reader.cancel()
  }
}

function parseAnswer(operation: string, answer: Response, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) throw unexpected(operation, answer)
    throw error
  }
}

function unexpected(operation: string, { status }: Response): AdminProblem {
  const fields = { status, code: 'answer_unexpected', title: UNEXPECTED_TEXT }
  return new AdminProblem(operation, fields)
}
