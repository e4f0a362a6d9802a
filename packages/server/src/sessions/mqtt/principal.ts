/** What follows for a connection from who its client is. Pure. */
import type { AppSpace } from '../../core/app-space.ts'
import type { SignedInUser } from '../../core/connection.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import { EXPIRY_SKEW_MS, HANDSHAKE_LIFE_MS_MAX } from './mqtt-settings.ts'

const NOBODY: readonly string[] = []

/** @returns undefined for keys, which are nobody's. */
export function userOf({ userId, reliances }: MqttIdentity): SignedInUser | undefined {
  if (userId === undefined) return undefined
  return { id: userId, info: undefined, watchlist: NOBODY, restsOn: reliances[0] }
}

/**
 * @param openedAtMs epoch.
 * @returns epoch; undefined: the connection has no end of its own (decision 16).
 */
export function endOf(
  { identity, space }: { readonly identity: MqttIdentity; readonly space: AppSpace },
  openedAtMs: number,
): number | undefined {
  const expiresAtMs = identity.expiresAtMs()
  if (expiresAtMs === undefined) return undefined
  const { expiry } = space.app.settings
  return expiry === 'enforce' ? expiresAtMs + EXPIRY_SKEW_MS : openedAtMs + HANDSHAKE_LIFE_MS_MAX
}
