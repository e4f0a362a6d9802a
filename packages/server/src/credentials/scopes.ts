/**
 * Scopes of API keys as permissions: an action, or `action:pattern` for some channels only. Without
 * scopes a key may publish and subscribe in its own app (decision: every permissive default is a
 * visible row).
 */
import type { Action } from '../core/acl.ts'
import { ANY_CHANNEL, type Permissions } from '../core/permissions.ts'

const ACTIONS: readonly Action[] = ['subscribe', 'publish', 'inspect', 'terminate']

export const DEFAULT_SCOPES: readonly string[] = ['publish', 'subscribe']

/** @param scopes an unknown one allows nothing. */
export function permissionsOfScopes(scopes: readonly string[] | undefined): Permissions {
  const rules = (scopes ?? DEFAULT_SCOPES).flatMap((scope) => {
    const end = scope.indexOf(':')
    const name = end < 0 ? scope : scope.slice(0, end)
    const action = ACTIONS.find((each) => each === name)
    if (action === undefined) return []
    return [{ pattern: end < 0 ? ANY_CHANNEL : scope.slice(end + 1), actions: [action] }]
  })
  return { rules }
}
