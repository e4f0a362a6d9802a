/** What follows for a connection from who its client is, alike in every protocol. Pure. */
import type { SignedInUser } from '../core/connection.ts'
import type { Reliance } from '../core/reliance.ts'
import type { AppSettings } from '../ports/records/app.ts'

/** Decision 16: clocks differ and renewals are late, so a connection outlives its token so long. */
export const EXPIRY_SKEW_MS = 30_000
/** Where an app holds connections to their handshake only, they last so long all the same. */
export const HANDSHAKE_LIFE_MS_MAX = 24 * 60 * 60 * 1_000

const NOBODY: readonly string[] = []

/** @returns undefined for keys and clients of ours, which are nobody's. */
export function userOf({
  userId,
  reliances,
}: {
  readonly userId: string | undefined
  readonly reliances: readonly Reliance[]
}): SignedInUser | undefined {
  if (userId === undefined) return undefined
  return { id: userId, info: undefined, watchlist: NOBODY, restsOn: reliances[0] }
}

/**
 * All times are epoch.
 * @param expiresAtMs of what the connection came by; undefined: it does not expire.
 * @param expiry what the app says of connections of this protocol.
 * @returns undefined: the connection has no end of its own (decision 16).
 */
export function endOf(
  expiresAtMs: number | undefined,
  expiry: AppSettings['expiry'],
  openedAtMs: number,
): number | undefined {
  if (expiresAtMs === undefined) return undefined
  return expiry === 'enforce' ? expiresAtMs + EXPIRY_SKEW_MS : openedAtMs + HANDSHAKE_LIFE_MS_MAX
}
