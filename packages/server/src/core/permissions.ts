/**
 * What a key or token lets its holder do, by channel. Bounded where it is read; nothing listed
 * means nothing allowed. Pure.
 */
import type { Action } from './acl.ts'

export interface PermissionRule {
  /**
   * Segments are cut at `:`; `*` is one or more characters of a segment, `**` at the end the rest.
   */
  readonly pattern: string
  readonly actions: readonly Action[]
}

export interface Permissions {
  readonly rules: readonly PermissionRule[]
}

/** Our bounds. */
export const PERMISSION_RULE_COUNT_MAX = 100
export const PATTERN_LENGTH_MAX = 200

/** Matches every channel. */
export const ANY_CHANNEL = '**'

/**
 * @param channel undefined for what concerns the whole app: only {@link ANY_CHANNEL} covers that.
 */
export function permits(
  { rules }: Permissions,
  action: Action,
  channel: string | undefined,
): boolean {
  return rules.some(
    ({ pattern, actions }) => actions.includes(action) && matchesPattern(pattern, channel),
  )
}

/** @param pattern as {@link PermissionRule} has it. */
export function matchesPattern(pattern: string, channel: string | undefined): boolean {
  if (pattern === ANY_CHANNEL) return true
  if (channel === undefined) return false
  const wanted = pattern.split(':')
  const given = channel.split(':')
  const last = wanted.at(-1)
  const isOpen = last === ANY_CHANNEL || last === '*'
  if (given.length < wanted.length || (!isOpen && given.length > wanted.length)) return false
  return wanted.every((part, index) => {
    const isTail = index === wanted.length - 1 && isOpen
    const text = given[index] ?? ''
    if (isTail) return given.slice(index).join(':') !== ''
    return matchesSegment(part, text)
  })
}

/** Linear: what stands between stars has to follow in order (no pattern is ever compiled). */
function matchesSegment(pattern: string, text: string): boolean {
  const parts = pattern.split('*')
  const [first = '', ...rest] = parts
  if (rest.length === 0) return pattern === text
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const [index, part] of rest.entries()) {
    const isLast = index === rest.length - 1
    // A star stands for at least one character.
    const found = isLast ? text.length - part.length : text.indexOf(part, at + 1)
    if (found < at + 1 || !text.startsWith(part, found)) return false
    at = found + part.length
  }
  return at === text.length
}
