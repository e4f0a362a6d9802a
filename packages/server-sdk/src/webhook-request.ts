/** What arrived, as every platform has it: the bytes of the body, and headers by name. Pure. */
import { ok, type Result } from '@lockgate/protocol/result'
import { refuseWebhook, type WebhookRefusal } from './webhook-refusal.ts'

/** What is used of `Headers`. */
interface HeaderList {
  get(name: string): string | null
  forEach(visit: (value: string, name: string) => void): void
}

/** `Headers`, or a plain object, such as `headers` of Node's `IncomingMessage`. */
export type WebhookHeaders =
  | HeaderList
  | Readonly<Record<string, string | readonly string[] | undefined>>

export interface WebhookRequest {
  /**
   * The body exactly as it arrived. Not what a parser made of it: JSON written again is another
   * text, and the signature covers the bytes.
   */
  readonly rawBody: string | Uint8Array | ArrayBuffer | undefined | null
  readonly headers: WebhookHeaders
}

/** Headers that are looked at; each at most once, and not longer than this. */
const HEADER_NAMES = [
  'content-type',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'x-pusher-key',
  'x-pusher-signature',
] as const
export type WebhookHeaderName = (typeof HEADER_NAMES)[number]
export const WEBHOOK_HEADER_CHARACTERS_MAX = 4 * 1024

export type KnownHeaders = ReadonlyMap<WebhookHeaderName, string>

/**
 * @param rawBody copied, so that nobody changes it between the check and its use.
 * @throws TypeError for a parsed body: nothing that arrives can make one, only the program can.
 */
export function readRawBody(
  rawBody: WebhookRequest['rawBody'],
  bytesMax: number,
): Result<Uint8Array<ArrayBuffer>, WebhookRefusal> {
  const given: unknown = rawBody
  if (given === undefined || given === null || isEmptyObject(given)) {
    return refuseWebhook('body_missing')
  }
  if (typeof given === 'string') {
    if (given.length > bytesMax) return refuseWebhook('body_too_large')
    return bounded(new TextEncoder().encode(given), bytesMax)
  }
  if (ArrayBuffer.isView(given)) {
    return bounded(new Uint8Array(given.buffer, given.byteOffset, given.byteLength), bytesMax)
  }
  if (isArrayBuffer(given)) return bounded(new Uint8Array(given), bytesMax)
  throw new TypeError(
    'rawBody is a parsed body, and the signature covers the bytes that arrived. Give those: in ' +
      'Express by express.raw({ type: () => true }) in place of express.json(), in Hono by ' +
      'await c.req.text(), elsewhere by await request.text().',
  )
}

/** Also one of another realm, as test runners have them. */
function isArrayBuffer(given: unknown): given is ArrayBuffer {
  return Object.prototype.toString.call(given) === '[object ArrayBuffer]'
}

/** What Express 4 leaves where no parser wanted the body; a sender can bring that about. */
function isEmptyObject(given: unknown): boolean {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false
  const isPlain = Object.getPrototypeOf(given) === Object.prototype
  return isPlain && Object.keys(given).length === 0
}

function bounded(
  bytes: Uint8Array,
  bytesMax: number,
): Result<Uint8Array<ArrayBuffer>, WebhookRefusal> {
  if (bytes.byteLength > bytesMax) return refuseWebhook('body_too_large')
  return bytes.byteLength === 0 ? refuseWebhook('body_missing') : ok(new Uint8Array(bytes))
}

/**
 * @returns `header_repeated` for one that came twice, whether the platform kept both, joined them,
 *   or kept them under two spellings of the name: which of them was signed could be read two ways.
 */
export function readHeaders(headers: WebhookHeaders): Result<KnownHeaders, WebhookRefusal> {
  const found = new Map<WebhookHeaderName, string>()
  for (const [spelling, value] of pairsOf(headers)) {
    const name = HEADER_NAMES.find((each) => each === spelling.toLowerCase())
    if (name === undefined || value === undefined) continue
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    const [only] = values
    if (values.length !== 1 || found.has(name)) return refuseWebhook('header_repeated')
    if (typeof only !== 'string' || only.length > WEBHOOK_HEADER_CHARACTERS_MAX) {
      return refuseWebhook('header_malformed')
    }
    // Platforms join with a comma and a space, which no header of these has in it.
    if (only.includes(', ')) return refuseWebhook('header_repeated')
    found.set(name, only)
  }
  return ok(found)
}

function pairsOf(headers: WebhookHeaders): [string, string | readonly string[] | undefined][] {
  if (typeof headers !== 'object' || headers === null) {
    throw new TypeError('headers is the headers of the request: Headers, or an object by name.')
  }
  if (!isHeaders(headers)) return Object.entries(headers)
  const pairs: [string, string][] = []
  headers.forEach((value, name) => void pairs.push([name, value]))
  return pairs
}

function isHeaders(headers: WebhookHeaders): headers is HeaderList {
  return typeof headers.get === 'function' && typeof headers.forEach === 'function'
}
