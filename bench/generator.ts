/**
 * Runs the load generator and reads its one line of JSON. A run in which the server lost, repeated,
 * reordered or invented a message is a {@link BrokenPromise}, never a figure.
 */
import { start } from './children.ts'
import { asOrdinary, LOAD_CORE, SERVER_CORE, canPin } from './machine.ts'
import { ROOT } from './toolchain.ts'

/** Our bound on a run beyond the time it was asked to last. */
const GRACE_MS = 120_000

/** The server did not keep what the generator checks; the message tells which and where. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** One stretch of time, as the kernel accounts it. */
export interface Span {
  readonly seconds: number
  readonly userSeconds: number
  readonly systemSeconds: number
  /** Of the server's core, by anything. */
  readonly coreBusySeconds: number
  readonly rssBytesBefore: number
  readonly rssBytesAfter: number
}

export interface LatencyUs {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface Traffic {
  readonly traffic: Span
  readonly messages: number
  readonly deliveries: number
  readonly latencyUs: LatencyUs
}

export interface SocketsResult extends Partial<Traffic> {
  readonly connections: number
  readonly connect: Span
  readonly hold: Span
}

export interface PublishResult {
  readonly requests: number
  readonly traffic: Span
  readonly latencyUs: LatencyUs
}

/** Of `load mqtt`. */
export interface MqttResult extends Traffic {
  readonly connections: number
  /** Connections whose renewal was answered; what was lost or came twice, counted with renewals. */
  readonly renewed: number
  readonly lost: number
  readonly repeated: number
  readonly renewalUs: LatencyUs
}

/** Of `load mqtt-open`. */
export type MqttOpenResult = Pick<SocketsResult, 'connections' | 'connect' | 'hold'>

/** Of `load yjs`. */
export type YjsResult = Traffic & { readonly connections: number }

/** Of `load yjs-open` with one document, opened again and again. */
export interface OpeningResult {
  readonly coldMs: number
  readonly warmMs: number
  readonly stateBytes: number
}

export interface CloseResult {
  readonly connections: number
  /** From the request to the answer. */
  readonly close: Span
  /** From the request to the last close frame at its client. */
  readonly lastMs: number
  readonly latencyUs: LatencyUs
}

export interface FloodResult {
  readonly seconds: number
  readonly offered: number
  /** Could not be offered in time, because too many were without an answer. */
  readonly heldBack: number
  /** Answered with HTTP, with a close frame; cut without an answer; without one for two seconds. */
  readonly refused: number
  readonly closed: number
  readonly dropped: number
  readonly late: number
}

type LoadResult =
  | SocketsResult
  | PublishResult
  | CloseResult
  | FloodResult
  | MqttResult
  | MqttOpenResult
  | YjsResult
  | OpeningResult

/** Options of `load`, without the dashes; see `load/load.c`. */
export type LoadOptions = Readonly<Record<string, string | number>>

export interface Load {
  readonly program: string
  readonly mode:
    | 'sockets'
    | 'publish'
    | 'post'
    | 'close'
    | 'flood'
    | 'mqtt'
    | 'mqtt-open'
    | 'yjs'
    | 'yjs-open'
  /** Gives way to another generator on the same core. */
  readonly isYielding?: true
  /** Of a run whose time is not measured, and in which more than two have to have a turn. */
  readonly isOrdinary?: true
  readonly options: LoadOptions
}

/**
 * @throws BrokenPromise when the check of a delivery failed.
 * @throws Error when the run could not be made or did not end.
 */
export async function generate<T extends LoadResult>(load: Load): Promise<T> {
  const pin = canPin() ? ['taskset', '-c', String(LOAD_CORE)] : []
  const yielding = load.isYielding === true ? ['nice', '-n', '19'] : []
  const core = canPin() ? { core: SERVER_CORE } : {}
  const words = Object.entries({ ...core, ...load.options }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const ordinary = load.isOrdinary === true ? asOrdinary() : []
  const child = start([...ordinary, ...yielding, ...pin, load.program, load.mode, ...words], ROOT)
  const lastsMs =
    (Number(load.options['warmup'] ?? 0) + Number(load.options['seconds'] ?? 0)) * 1000
  const timer = setTimeout(() => child.kill('SIGKILL'), lastsMs + GRACE_MS)
  const [output, complaint, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  clearTimeout(timer)
  if (exitCode === 1) throw new BrokenPromise(complaint.trim())
  if (exitCode !== 0) throw new Error(complaint.trim() || `the generator ended with ${exitCode}`)
  return JSON.parse(output) as T
}
