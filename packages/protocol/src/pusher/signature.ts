/**
 * The strings a Pusher signature covers. Contract part 1C and 1G.1.
 * Pure: this builds the text, `credentials/` computes and compares the HMAC.
 */
import { ok, refuse, type Result } from '../result.ts'

/** An `auth` value taken apart: `KEY:SIGNATURE`. */
export interface AuthString {
  readonly key: string
  /** 64 lowercase hex digits. */
  readonly signature: string
}

/** A query string taken apart for signing: names lowercase, values decoded, nothing twice. */
export type SignedQuery = ReadonlyMap<string, string>

export const SOCKET_ID = /^\d{1,20}\.\d{1,20}$/

/** Our bound on the number of query parameters of one request. */
export const QUERY_PARAMETER_COUNT_MAX = 32

const SIGNATURE = /^[0-9a-f]{64}$/

/** @returns undefined when the text is not `KEY:` and 64 lowercase hex digits. */
export function parseAuthString(text: string): AuthString | undefined {
  const colon = text.indexOf(':')
  if (colon <= 0) return undefined
  const signature = text.slice(colon + 1)
  return SIGNATURE.test(signature) ? { key: text.slice(0, colon), signature } : undefined
}

/** Whether a text has the form of a hex HMAC-SHA256. */
export function isSignature(text: string): boolean {
  return SIGNATURE.test(text)
}

/**
 * The text signed for a channel. Data given with any channel is covered, presence or not: the
 * server libraries append it for every kind.
 * @param channelData the raw JSON text, never serialized again.
 */
export function channelStringToSign(
  socketId: string,
  channel: string,
  channelData: string | undefined,
): string {
  const start = `${socketId}:${channel}`
  return channelData === undefined ? start : `${start}:${channelData}`
}

/** The text signed for a user sign-in. */
export function userStringToSign(socketId: string, userData: string): string {
  return `${socketId}::user::${userData}`
}

/**
 * The text signed for an HTTP call: method, path as sent, and every parameter but the signature.
 * @param path the raw request path, before any decoding.
 */
export function httpStringToSign(method: string, path: string, query: SignedQuery): string {
  const names = [...query.keys()].sort()
  let text = `${method}\n${path}\n`
  let separator = ''
  for (const name of names) {
    if (name === 'auth_signature') continue
    text += `${separator}${name}=${query.get(name)}`
    separator = '&'
  }
  return text
}

/**
 * Takes a raw query string apart.
 * @param text without the `?`; untrusted.
 * @returns `query_repeated` for a name given twice or an array `a[]`, since either could be read
 *   two ways; `query_malformed` for a broken escape or too many parameters.
 */
export function parseSignedQuery(
  text: string,
): Result<SignedQuery, 'query_malformed' | 'query_repeated'> {
  const query = new Map<string, string>()
  if (text === '') return ok(query)
  let start = 0
  while (start <= text.length) {
    if (query.size >= QUERY_PARAMETER_COUNT_MAX) return refuse('query_malformed')
    const ampersand = text.indexOf('&', start)
    const end = ampersand < 0 ? text.length : ampersand
    const equals = text.indexOf('=', start)
    const hasValue = equals >= 0 && equals < end
    const name = decode(text.slice(start, hasValue ? equals : end))?.toLowerCase()
    const value = hasValue ? decode(text.slice(equals + 1, end)) : ''
    if (name === undefined || name === '' || value === undefined) return refuse('query_malformed')
    if (query.has(name) || name.includes('[')) return refuse('query_repeated')
    query.set(name, value)
    start = end + 1
  }
  return ok(query)
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}
