/** What an application may know of its connection and token. */
import type { TokenGrant } from './token-grant.ts'

export type ConnectionState =
  | 'disconnected'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  /** There will be no further try; the call or `onAuthError` or `onError` has said why. */
  | 'error'

/** Everything but the token. */
export interface TokenInfo {
  readonly tokenId: string | undefined
  readonly username: string
  readonly expiresAt: Date
}

export function tokenInfo({ tokenId, username, expiresAtMs }: TokenGrant): TokenInfo {
  return { tokenId, username, expiresAt: new Date(expiresAtMs) }
}
