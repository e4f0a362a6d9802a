/**
 * JSON of a caller, held to one meaning: UTF-8, one object, no name twice, and no more levels and
 * members than the route has use for. Two readers of a body that repeats a name may each take
 * another value, so what a proxy has checked need not be what is done. Pure.
 */
import { isJsonObject, nestsDeeperThan } from '@lockgate/protocol/bytes'
import { ok, refuse, type Result } from '@lockgate/protocol/result'

export interface JsonBounds {
  /** Objects and lists inside each other. */
  readonly depthMax: number
  /** Names in the whole body, on every level. */
  readonly memberCountMax: number
}

export type JsonObject = Record<string, unknown>

/** Each says what is wrong: `request_malformed` is all that a program needs to know. */
type Malformed = ReturnType<typeof malformed>

/** @param body its length is bounded. @returns `request_malformed` with what is wrong. */
export function parseJsonBody(
  body: Uint8Array,
  bounds: JsonBounds,
): Result<JsonObject, 'request_malformed'> {
  const text = decodeUtf8(body)
  if (text === undefined) return NO_UTF8
  if (nestsDeeperThan(text, bounds.depthMax)) return NESTED
  const memberCount = countMembers(text)
  if (memberCount > bounds.memberCountMax) return MANY
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return NO_OBJECT
    throw error
  }
  if (!isJsonObject(value)) return NO_OBJECT
  // The parser keeps the last of two members with one name: fewer are left then than were sent.
  return countKept(value) === memberCount ? ok(value) : REPEATED
}

/** @returns undefined for bytes that are no UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * @returns how many colons stand outside strings: one for each member. Text that is not JSON gets
 * some number. One pass, however it is made: strings are left out by their quotes.
 */
export function countMembers(text: string): number {
  let count = 0
  let at = 0
  for (;;) {
    const quote = text.indexOf('"', at)
    const end = quote < 0 ? text.length : quote
    for (let index = at; index < end; index++) if (text.charCodeAt(index) === COLON) count++
    if (quote < 0) return count
    at = endOfString(text, quote + 1)
  }
}

/** @param from behind the opening quote. @returns behind the closing one, or the end of text. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let slashes = 0
    while (quote - slashes > from && text.charCodeAt(quote - slashes - 1) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return quote + 1
  }
  return text.length
}

/** Depth is bounded before anything is parsed, so this may call itself. */
function countKept(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const children: readonly unknown[] = Object.values(value)
  let count = Array.isArray(value) ? 0 : children.length
  for (const child of children) count += countKept(child)
  return count
}

function malformed(detail: string) {
  return refuse('request_malformed' as const, detail)
}

const COLON = 0x3a
const BACKSLASH = 0x5c
const NO_UTF8: Malformed = malformed('The body is no UTF-8.')
const NO_OBJECT: Malformed = malformed('The body is one JSON object in UTF-8.')
const NESTED: Malformed = malformed('The JSON nests deeper than it may here.')
const MANY: Malformed = malformed('The JSON has more names than it may have here.')
const REPEATED: Malformed = malformed('The JSON has a name twice in one object.')
