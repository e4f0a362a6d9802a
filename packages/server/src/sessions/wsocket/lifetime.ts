/** What follows for a connection from who its client is. Pure. */
import type { AppSpace } from '../../core/app-space.ts'
import type { SignedInUser } from '../../core/connection.ts'
import type { MessageIdentity } from '../../credentials/messages/message-identity.ts'

/** Decision 16: clocks differ and renewals are late, so a connection outlives its token so long. */
export const EXPIRY_SKEW_MS = 30_000
/** Where an app holds connections to their handshake only, they last so long all the same. */
export const HANDSHAKE_LIFE_MS_MAX = 24 * 60 * 60 * 1_000

const NOBODY: readonly string[] = []

/** @returns undefined for keys, which are nobody's. */
export function userOf({ userId, reliances }: MessageIdentity): SignedInUser | undefined {
  if (userId === undefined) return undefined
  return { id: userId, info: undefined, watchlist: NOBODY, restsOn: reliances[0] }
}

/**
 * @param openedAtMs epoch.
 * @returns epoch; undefined: the connection has no end of its own.
 */
export function endOf(
  { identity, space }: { readonly identity: MessageIdentity; readonly space: AppSpace },
  openedAtMs: number,
): number | undefined {
  const expiresAtMs = identity.expiresAtMs()
  if (expiresAtMs === undefined) return undefined
  const { expiry } = space.app.settings
  return expiry === 'enforce' ? expiresAtMs + EXPIRY_SKEW_MS : openedAtMs + HANDSHAKE_LIFE_MS_MAX
}
