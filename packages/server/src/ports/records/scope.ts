/** Scopes of API keys as they are stored: an action, or `action:pattern` for some channels only. */

export const SCOPE_ACTIONS = [
  'subscribe',
  'publish',
  'presence',
  'history',
  'inspect',
  'terminate',
] as const

/** Of a key that gives out connection tokens. */
export const MINT_SCOPE = 'mint'

/** Our bound; longer patterns match nothing. */
const SCOPE_LENGTH_MAX = 200
const SCOPE = new RegExp(`^(?:${MINT_SCOPE}|(?:${SCOPE_ACTIONS.join('|')})(?::[^\\s"\\\\]+)?)$`)

/**
 * Whether a scope allows anything. Asked where a key is made or changed: one that was stored before
 * may be any text, and allows nothing.
 */
export function isScope(text: string): boolean {
  return text.length <= SCOPE_LENGTH_MAX && SCOPE.test(text)
}

const NAMES = SCOPE_ACTIONS.join(', ')
/** What to write instead, for whoever wrote another. */
export const SCOPE_TEXT = `A scope is ${MINT_SCOPE}, ${NAMES}, or one with channels: publish:doc:*.`
