/**
 * Scopes of API keys as permissions: an action, or `action:pattern` for some channels only. Without
 * scopes a key may publish and subscribe in its own app, and so see who is there and what was said
 * (decision: every permissive default is a visible row).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Action } from '../core/acl.ts'
import { SCOPE_ACTIONS, SCOPE_TEXT, isScope } from '../ports/records/scope.ts'
import { ANY_CHANNEL, type Permissions } from '../core/permissions.ts'

const ACTIONS: readonly Action[] = SCOPE_ACTIONS

export const DEFAULT_SCOPES: readonly string[] = ['publish', 'subscribe', 'presence', 'history']

/** Whether every scope of a new or changed key allows something: a misspelled one never did. */
export function checkScopes(
  scopes: readonly string[] | null | undefined,
): Result<true, 'input_invalid'> {
  const unknown = scopes?.findIndex((scope) => !isScope(scope)) ?? -1
  return unknown < 0 ? ok(true) : refuse('input_invalid', `scopes.${unknown}: ${SCOPE_TEXT}`)
}

/** @param scopes as stored: an unknown one allows nothing. */
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
