/** The scopes of the token endpoint, RFC 6749 §3.3. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'

/** What the access token is for; also its audience. */
export const API_SCOPE = 'WireSocket.API'
/** Asks for a refresh token. */
export const OFFLINE_SCOPE = 'offline_access'
export const SCOPES = [API_SCOPE, OFFLINE_SCOPE] as const

export interface GrantedScope {
  /** As tokens and answers say it. */
  readonly text: string
  readonly isOffline: boolean
}

/** Made once: nothing else is ever granted. */
const API_ONLY: GrantedScope = { text: API_SCOPE, isOffline: false }
const WITH_REFRESH: GrantedScope = { text: `${API_SCOPE} ${OFFLINE_SCOPE}`, isOffline: true }

/** @returns what is granted; the scope has to be named, in any order, and nothing else beside. */
export function parseScope(text: string | undefined): Result<GrantedScope, 'invalid_scope'> {
  if (text === API_ONLY.text) return ok(API_ONLY)
  const asked = (text ?? '').split(' ')
  const isKnown = asked.every((scope) => SCOPES.some((known) => known === scope))
  if (!isKnown || !asked.includes(API_SCOPE)) return refuse('invalid_scope')
  return ok(asked.includes(OFFLINE_SCOPE) ? WITH_REFRESH : API_ONLY)
}
