/**
 * Reads what a client shows in the query of its upgrade. Contract wSocket 1: `key`, `token`, or
 * both. What is there twice is not guessed at. Pure.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'

export interface ShownCredentials {
  readonly key: string | undefined
  readonly token: string | undefined
  /** As whom a server wants to be known. */
  readonly clientId: string | undefined
}

/** Ours; a token has 8 KiB at most. */
const QUERY_LENGTH_MAX = 16_384
const CLIENT_ID_LENGTH_MAX = 200

/** Whether somebody shows anything at all. */
export function showsCredentials(query: string): boolean {
  return /(?:^|&)(?:key|token)=/.test(query)
}

/** @param query raw, without the `?`; a secret. */
export function readShown(query: string): Result<ShownCredentials, 'credential_invalid'> {
  if (query.length > QUERY_LENGTH_MAX) return refuse('credential_invalid')
  const parameters = new URLSearchParams(query)
  const names = ['key', 'token', 'clientId'] as const
  if (names.some((name) => parameters.getAll(name).length > 1)) return refuse('credential_invalid')
  const [key, token, clientId] = names.map((name) => parameters.get(name) ?? undefined)
  if (clientId !== undefined && !isClientId(clientId)) return refuse('credential_invalid')
  return ok({ key, token, clientId })
}

/** As claims that name somebody: it goes out to every subscriber. */
export function isClientId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= CLIENT_ID_LENGTH_MAX &&
    !/[\p{Cc}\p{Cs}]/u.test(value)
  )
}
