/** Patterns of user names: `*` stands for any characters, none included. Pure. */

/** Ours, per rule. */
export const RULE_USER_COUNT_MAX = 20
/** Ours, of one pattern. */
export const RULE_USER_LENGTH_MAX = 128

/** Never goes back further than the last `*`: at most the product of both lengths. */
export function matchesUser(pattern: string, name: string): boolean {
  let at = 0
  let star = -1
  let retry = 0
  let index = 0
  while (index < name.length) {
    if (pattern[at] === '*') {
      star = at++
      retry = index
    } else if (at < pattern.length && pattern[at] === name[index]) {
      at++
      index++
    } else if (star >= 0) {
      at = star + 1
      index = ++retry
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
