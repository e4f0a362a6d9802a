/**
 * What a client shows to get back what it missed. Contract wSocket 6: base64 of JSON that names
 * channels and a time, made by the client in four spellings and with two names for the time, or
 * made here with the name of a session. All of it is untrusted. Pure and total.
 */
import { isJsonObject, parseJsonObject } from '../bytes.ts'
import { ok, refuse, type Result } from '../result.ts'

/** The contract's bound. */
export const RESUME_TOKEN_LENGTH_MAX = 65_536
/** Ours: as many channels as fit into a token that is read in one turn. */
export const RESUME_CHANNEL_COUNT_MAX = 2_000
/** An object, and a list of texts in it. */
const JSON_DEPTH_MAX = 4
/** 128 bits or more, in base64url. */
const SESSION_ID = /^[A-Za-z0-9_-]{22,64}$/

export interface ResumeToken {
  /** Distinct, in their order; no name is checked. */
  readonly channels: readonly string[]
  /** Epoch: the newest message the client has seen. */
  readonly sinceMs: number
  /** Of a token made here; undefined: the client made it. */
  readonly sessionId: string | undefined
  /** Its client had more channels than fit: without the session they are not known. */
  readonly hasMore?: true | undefined
}

export function decodeResumeToken(text: string): Result<ResumeToken, 'resume_failed'> {
  if (text.length > RESUME_TOKEN_LENGTH_MAX)
    return refuse('resume_failed', 'The token is too long.')
  const json = decodeBase64(text)
  const members = json === undefined ? undefined : parseJsonObject(json, JSON_DEPTH_MAX)
  if (!isJsonObject(members)) return refuse('resume_failed')
  const { channels, lastTs, since, sid, more } = members
  const sinceMs = lastTs ?? since
  if (!isTime(sinceMs) || !isTextList(channels)) return refuse('resume_failed')
  const distinct = [...new Set(channels)]
  if (distinct.length > RESUME_CHANNEL_COUNT_MAX) {
    return refuse('resume_failed', `A token names at most ${RESUME_CHANNEL_COUNT_MAX} channels.`)
  }
  const sessionId = typeof sid === 'string' && SESSION_ID.test(sid) ? sid : undefined
  const hasMore = more === true ? more : undefined
  return ok({ channels: distinct, sinceMs: Math.floor(sinceMs), sessionId, hasMore })
}

/** Of names in a token made here, with their quotes: what base64 makes of it can be read again. */
const NAMES_LENGTH_MAX = 48_000

/** @param token its channels are valid names, which are ASCII; it names as many as fit. */
export function encodeResumeToken({ sessionId, channels, sinceMs }: ResumeToken): string {
  let length = 0
  const fitting = channels.filter((name, index) => {
    length += name.length + '"",'.length
    return length <= NAMES_LENGTH_MAX && index < RESUME_CHANNEL_COUNT_MAX
  })
  const more = fitting.length < channels.length ? true : undefined
  const json = JSON.stringify({ sid: sessionId, channels: fitting, lastTs: sinceMs, more })
  return btoa(json).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

const BASE64 = /^[A-Za-z0-9+/]*$/

/**
 * All four spellings: the alphabet of RFC 4648 §4 or §5, with padding or without. What is in it is
 * UTF-8, or else Latin-1, which is what `btoa` takes.
 */
function decodeBase64(text: string): string | undefined {
  const plain = text
    .replace(/={0,2}$/, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
  // One character of the alphabet over makes no byte.
  if (plain.length % 4 === 1 || !BASE64.test(plain)) return undefined
  const latin = atob(plain)
  try {
    const bytes = Uint8Array.from(latin, (character) => character.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return latin
    throw error
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}
