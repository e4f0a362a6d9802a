/**
 * The typed caller of the administration. Web standards only: Node 20 or later, Bun and edge
 * runtimes. The table of operations gives the types; at run time only its methods and paths are
 * needed, so the schemas and what checks them are not loaded.
 */
import { type Ambient, exchange, type Limits, openStream, type Outcome } from './exchange.ts'
import { type Route, ROUTES } from './generated/routes.ts'
import { readJsonLines } from './json-lines.ts'
import type { OPERATIONS, OperationName } from './operations.ts'
import { AdminProblem, UNEXPECTED_TEXT } from './problem.ts'
import { resumedEvents } from './resumed-events.ts'

type Table = typeof OPERATIONS
type Simple<T> = { [K in keyof T]: T[K] }
/** What may be sent: a coerced field takes what it becomes. */
type Input<S> = S extends { readonly _zod: { readonly input: infer I; readonly output: infer O } }
  ? Simple<{ [K in keyof I]: unknown extends I[K] ? (K extends keyof O ? O[K] : never) : I[K] }>
  : undefined
type Output<S> = S extends { readonly _zod: { readonly output: infer O } } ? O : undefined

export type ParametersOf<N extends OperationName> = Input<Table[N]['parameters']>
export type BodyOf<N extends OperationName> = Input<Table[N]['body']>
export type ResultOf<N extends OperationName> = Output<Table[N]['result']>

/** A part that may be left out where everything in it may. */
type Part<K extends string, T> = T extends undefined
  ? { readonly [P in K]?: undefined }
  : string extends keyof T // an object without fields
    ? { readonly [P in K]?: T }
    : Partial<T> extends T
      ? { readonly [P in K]?: T }
      : { readonly [P in K]: T }
/** Path and query parameters, and the body. */
export type CallInput<N extends OperationName> = Part<'parameters', ParametersOf<N>> &
  Part<'body', BodyOf<N>>
type Rest<N extends OperationName> =
  Partial<CallInput<N>> extends CallInput<N>
    ? [input?: CallInput<N>, options?: CallOptions]
    : [input: CallInput<N>, options?: CallOptions]

/** Operations that answer with one page of items. */
export type ListName = {
  [N in OperationName]: ResultOf<N> extends { readonly items: readonly unknown[] } ? N : never
}[OperationName]
export type ItemOf<N extends ListName> =
  ResultOf<N> extends { readonly items: readonly (infer I)[] } ? I : never
/** Operations that answer with lines; their result is the shape of one line. */
export type StreamName = {
  [N in OperationName]: Table[N] extends { readonly isStream: true } ? N : never
}[OperationName]

/** Operations that can be followed; their result is the shape of one event. */
export type LiveName = {
  [N in OperationName]: Table[N] extends { readonly isLive: true } ? N : never
}[OperationName]

export interface CallOptions {
  readonly timeoutMs?: number
  readonly retryCountMax?: number
  readonly signal?: AbortSignal
  /**
   * Of a changing call: the server carries out each key once and gives the same answer again. Made
   * for each call unless given; give one to be safe across a restart of your own program.
   */
  readonly idempotencyKey?: string
}

export interface ClientOptions {
  /** Where the server is, a path prefix included: `https://realtime.example.com/lockgate`. */
  readonly url: string
  /** An operator key. A function is asked for each call, so that a rotated key is taken up. */
  readonly key: string | (() => string | Promise<string>)
  /** Of one attempt; 30 s unless given. */
  readonly timeoutMs?: number
  /** Attempts after the first; 3 unless given. */
  readonly retryCountMax?: number
  /** Names your program in the audit log. */
  readonly agent?: string
}

/** A call whose shapes are known at run time only, as on a command line. */
export interface LooseInput {
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
  readonly body?: Readonly<Record<string, unknown>> | undefined
}

export interface AdminClient {
  /**
   * Carries one operation out.
   * @returns what it answers, or what the server refused with.
   * @throws AdminUnreachable when no answer came after the last attempt.
   */
  call<N extends OperationName>(name: N, ...rest: Rest<N>): Promise<Outcome<ResultOf<N>>>
  /** As `call`, for a caller that learns at run time which operation it is, as a command line. */
  send(name: OperationName, input: LooseInput, options?: CallOptions): Promise<Outcome<unknown>>
  /** As `lines`, for such a caller. */
  stream(name: OperationName, input: LooseInput, options?: CallOptions): AsyncGenerator
  /**
   * Every item of a list, page after page, as they are needed.
   * @throws AdminProblem, AdminUnreachable.
   */
  items<N extends ListName>(name: N, ...rest: Rest<N>): AsyncGenerator<ItemOf<N>>
  /**
   * Every line of a stream, as it comes; ending early ends the call.
   * @throws AdminProblem, AdminUnreachable.
   */
  lines<N extends StreamName>(name: N, ...rest: Rest<N>): AsyncGenerator<ResultOf<N>>
  /**
   * Every event as it happens, without an end. Where the connection is lost it goes on after the
   * last one; what was missed and is no longer there is an event of the type `gap`. End it early,
   * or by `signal`.
   * @throws AdminProblem when it is refused, now or after the key was revoked; AdminUnreachable
   * when there was no connection at the beginning.
   */
  watch<N extends LiveName>(name: N, ...rest: Rest<N>): AsyncGenerator<ResultOf<N>>
  /** As `watch`, for a caller that learns at run time which operation it is. */
  follow(name: OperationName, input: LooseInput, options?: CallOptions): AsyncGenerator
}

const TIMEOUT_MS = 30_000
const RETRY_COUNT_MAX = 3
/** What a header can hold; a key with anything else would be quoted in the error of the runtime. */
const KEY_CHARACTERS = /^[\x21-\x7e]{1,512}$/
/** One that does not compile when the generated table differs from the operations. */
const CALLS: { readonly [N in OperationName]: RouteOf<N> } = ROUTES
type RouteOf<N extends OperationName> = Pick<Table[N], 'method' | 'path'>

export function createAdminClient(
  options: ClientOptions,
  ambient: Ambient = standardAmbient,
): AdminClient {
  const context = { options, base: baseOf(options.url), ambient }
  return {
    call: async <N extends OperationName>(name: N, ...[input, more]: Rest<N>) =>
      // The one cast of a call: the server answers in the shape that the table promises.
      (await call(context, name, { input, more })) as Outcome<ResultOf<N>>,
    send: (name, input, more) => call(context, name, { input, more }),
    stream: (name, input, more) => lines(context, name, { input, more }),
    items: <N extends ListName>(name: N, ...[input, more]: Rest<N>) =>
      items(context, name, { input, more }) as AsyncGenerator<ItemOf<N>>,
    lines: <N extends StreamName>(name: N, ...[input, more]: Rest<N>) =>
      lines(context, name, { input, more }) as AsyncGenerator<ResultOf<N>>,
    watch: <N extends LiveName>(name: N, ...[input, more]: Rest<N>) =>
      follow(context, name, { input, more }) as AsyncGenerator<ResultOf<N>>,
    follow: (name, input, more) => follow(context, name, { input, more }),
  }
}

/** @throws AdminProblem for a refusal: for callers who have nothing else to do with it. */
export function valueOrThrow<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  throw outcome.problem
}

interface Context {
  readonly options: ClientOptions
  readonly base: string
  readonly ambient: Ambient
}
interface Given {
  readonly input: LooseInput | undefined
  readonly more: CallOptions | undefined
}

async function call(context: Context, name: OperationName, given: Given) {
  return exchange(await targetOf(context, name, given), limitsOf(context, given), context.ambient)
}

async function* items(context: Context, name: OperationName, { input, more }: Given) {
  let cursor: string | undefined
  do {
    const parameters = { ...input?.parameters, ...(cursor === undefined ? {} : { cursor }) }
    const outcome = await call(context, name, { input: { ...input, parameters }, more })
    const page = valueOrThrow(outcome) as { items: unknown[]; nextCursor?: string }
    yield* page.items
    if (page.nextCursor !== undefined && page.nextCursor === cursor) throw unexpected(name)
    cursor = page.nextCursor
  } while (cursor !== undefined)
}

async function* lines(context: Context, name: OperationName, given: Given) {
  const target = await targetOf(context, name, given)
  const outcome = await openStream(target, limitsOf(context, given), context.ambient)
  try {
    yield* readJsonLines(valueOrThrow(outcome))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) throw unexpected(name)
    throw error
  }
}

async function* follow(context: Context, name: OperationName, { input, more }: Given) {
  const open = async (after: string | undefined) => {
    const resumed = after === undefined ? {} : { after }
    const given = { input: { ...input, parameters: { ...input?.parameters, ...resumed } }, more }
    const target = await targetOf(context, name, given)
    return valueOrThrow(await openStream(target, limitsOf(context, given), context.ambient))
  }
  const { pause, random } = context.ambient
  try {
    yield* resumedEvents({ open, pause, random, signal: more?.signal })
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) throw unexpected(name)
    throw error
  }
}

function limitsOf({ options }: Context, { more }: Given): Limits {
  return {
    timeoutMs: more?.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS,
    retryCountMax: more?.retryCountMax ?? options.retryCountMax ?? RETRY_COUNT_MAX,
    signal: more?.signal,
  }
}

async function targetOf(context: Context, name: OperationName, { input, more }: Given) {
  const { options, base, ambient } = context
  const { method, path }: Route = CALLS[name]
  const key = typeof options.key === 'string' ? options.key : await options.key()
  if (!KEY_CHARACTERS.test(key)) throw new TypeError('key has characters that no operator key has')
  const isReading = method === 'GET'
  return {
    operation: name,
    base,
    method,
    url: `${base}/admin/v1${fill(path, input?.parameters ?? {})}`,
    key,
    body: input?.body === undefined ? undefined : JSON.stringify(input.body),
    idempotencyKey: isReading ? undefined : (more?.idempotencyKey ?? ambient.newKey()),
    agent: options.agent,
  }
}

/** @returns the path with its parameters in place and the others in the query. */
function fill(path: string, parameters: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined || path.includes(`{${name}}`)) continue
    query.set(name, textOf(value))
  }
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = textOf(parameters[name])
    // `.` and `..` are walked by every URL parser, whatever is escaped in them.
    if (value === '' || value === '.' || value === '..') throw new TypeError(`${name} is no id`)
    return encodeURIComponent(value)
  })
  return query.size === 0 ? filled : `${filled}?${query.toString()}`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** @throws TypeError for what is no HTTP address; its text does not repeat what was given. */
function baseOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isHttp = parsed?.protocol === 'https:' || parsed?.protocol === 'http:'
  if (parsed === undefined || !isHttp) throw new TypeError('url is no http or https address')
  // A password in an address ends in logs; the operator key has a field of its own.
  if (parsed.username !== '' || parsed.password !== '') throw new TypeError('url holds a password')
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`
}

function unexpected(name: string): AdminProblem {
  return new AdminProblem(name, { status: 200, code: 'answer_unexpected', title: UNEXPECTED_TEXT })
}

const standardAmbient: Ambient = {
  fetch: (request) => fetch(request),
  pause: (ms, signal) =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        // One that follows for weeks pauses often: nothing may stay behind.
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end, { once: true })
    }),
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  newKey: () => crypto.randomUUID(),
}
