/**
 * Looks into a signed token before anything of it is verified, to find whose key has to verify it.
 * Nothing that is read here may be trusted. RFC 7515 §7.1, RFC 8725. Pure.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'

/** Our bound: what travels in a header or a URL; larger ones are refused unread. */
export const TOKEN_CHARACTERS_MAX = 8_192
const DEPTH_MAX = 8
/** Compact serialization: three parts of base64url, none empty. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** Unverified. */
export interface PeekedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** @returns undefined for anything but a compact JWT with objects in its first two parts. */
export function peekToken(token: string): PeekedToken | undefined {
  if (token.length > TOKEN_CHARACTERS_MAX || !COMPACT.test(token)) return undefined
  const [first = '', second = ''] = token.split('.')
  const header = parsePart(first)
  const claims = header === undefined ? undefined : parsePart(second)
  return header === undefined || claims === undefined ? undefined : { header, claims }
}

function parsePart(part: string): Record<string, unknown> | undefined {
  return parseJsonObject(Buffer.from(part, 'base64url').toString('utf8'), DEPTH_MAX)
}
