/**
 * A token as the token service or an application's own endpoint gives it, and when it is to be
 * renewed. Pure.
 */
import { ClientError } from './client-error.ts'

export interface TokenGrant {
  readonly username: string
  /** The secret: `tkn_...`. */
  readonly password: string
  /** Absent where an own endpoint keeps it back; then only that endpoint can renew. */
  readonly tokenId: string | undefined
  /** By the clock of this machine. */
  readonly expiresAtMs: number
  readonly refreshAtMs: number
}

type Fields = Readonly<Record<string, unknown>>

/** The token service makes none that lives shorter. */
const LIFE_MS_MIN = 60_000
const DELAY_MS_MIN = 1_000
/** A browser timer of more than 2^31-1 ms fires at once. */
const DELAY_MS_MAX = 24 * 86_400_000
/** Up to this part of the wait a renewal comes earlier, so that tabs do not renew in one moment. */
const SPREAD = 0.1

/**
 * Takes the answer of `/v2/tokens/*` and what the endpoint of an application makes of it:
 * `{ username, password, tokenId, expiresAt, refreshAt }`, with `expiresIn` where it can.
 * Where the life is given in seconds, the clock of this machine may be wrong.
 * @throws {@link ClientError} `answer_unexpected`; its text repeats nothing of the answer.
 */
export function readGrant(answer: unknown, nowMs: number): TokenGrant {
  if (typeof answer !== 'object' || answer === null) throw unexpected('no JSON object')
  const fields = answer as Fields
  const nested = (fields['mqtt_credentials'] ?? {}) as Fields
  const username = textOf(nested['username'] ?? fields['username'])
  const password = textOf(nested['password'] ?? fields['password'])
  if (username === undefined || password === undefined) {
    throw unexpected('username and password are missing')
  }
  const expiresAt = timeOf(fields['expires_at'] ?? fields['expiresAt'])
  const refreshAt = timeOf(fields['refresh_recommended_at'] ?? fields['refreshAt'])
  const seconds = fields['expires_in'] ?? fields['expiresIn']
  const isRelative = typeof seconds === 'number' && seconds > 0
  if (!isRelative && expiresAt === undefined) throw unexpected('expires_at is missing')
  const saidMs = isRelative ? seconds * 1_000 : (expiresAt ?? nowMs) - nowMs
  // A clock that is ahead by more than the life of the token makes it look expired.
  const lifeMs = saidMs > 0 ? saidMs : LIFE_MS_MIN
  const isKnown = expiresAt !== undefined && refreshAt !== undefined && refreshAt < expiresAt
  const leadMs = Math.min(isKnown ? expiresAt - refreshAt : lifeMs / 10, lifeMs)
  const expiresAtMs = nowMs + lifeMs
  return {
    username,
    password,
    tokenId: textOf(fields['token_id'] ?? fields['tokenId']),
    expiresAtMs,
    refreshAtMs: expiresAtMs - leadMs,
  }
}

/**
 * @param bufferMs wanted between renewal and expiry.
 * @returns how long to wait: until the recommended time or the buffer, whichever is earlier, but
 * never less than half of what is left, as a short life would be renewed without end.
 */
export function renewalDelayMs(
  { refreshAtMs, expiresAtMs }: TokenGrant,
  { nowMs, bufferMs }: { readonly nowMs: number; readonly bufferMs: number },
  random: () => number,
): number {
  const leftMs = Math.max(0, expiresAtMs - nowMs)
  const wanted = Math.min(refreshAtMs, expiresAtMs - bufferMs) - nowMs
  const delayMs = Math.max(wanted, leftMs / 2) * (1 - SPREAD * random())
  return Math.min(Math.max(delayMs, DELAY_MS_MIN), DELAY_MS_MAX)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : value
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined
}

function unexpected(reason: string): ClientError {
  return new ClientError('answer_unexpected', { reason })
}
