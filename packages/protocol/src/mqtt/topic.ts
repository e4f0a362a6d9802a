/**
 * Topic names and topic filters (§4.7, §4.8.2): whether text is one, and what a filter matches.
 * Pure. Text has been decoded, so it is well formed and without U+0000.
 */
import { TEXT_BYTES_MAX, utf8Size } from './bytes.ts'

/**
 * Our bound: a name of 65,535 slashes would otherwise cost every tree a node for each of them.
 */
export const TOPIC_LEVEL_COUNT_MAX = 128

const SHARE = '$share/'

/** Whether messages can be published to it: no wildcard [MQTT-3.3.2-2], at least a character. */
export function isTopicName(text: string): boolean {
  return !/[+#]/.test(text) && hasTopicShape(text)
}

/**
 * Whether it can be subscribed to: `+` and `#` fill whole levels, `#` the last one only
 * [MQTT-4.7.1-1] [MQTT-4.7.1-2]; a shared one names its group and a filter [MQTT-4.8.2-1].
 */
export function isTopicFilter(text: string): boolean {
  if (!hasTopicShape(text)) return false
  if (!text.startsWith(SHARE)) return hasWildcardShape(text)
  const shared = splitShared(text)
  return shared !== undefined && hasWildcardShape(shared.filter)
}

export interface SharedFilter {
  /** The share name: a character or more, without `/`, `+` and `#` [MQTT-4.8.2-2]. */
  readonly group: string
  readonly filter: string
}

/** @returns undefined for what is no shared subscription. */
export function splitShared(text: string): SharedFilter | undefined {
  if (!text.startsWith(SHARE)) return undefined
  const end = text.indexOf('/', SHARE.length)
  const group = text.slice(SHARE.length, end)
  if (end < 0 || !/^[^/+#]+$/.test(group) || end === text.length - 1) return undefined
  return { group, filter: text.slice(end + 1) }
}

/**
 * @param filter one that {@link isTopicFilter} takes, not a shared one.
 * @param name one that {@link isTopicName} takes.
 */
export function matchesTopic(filter: string, name: string): boolean {
  // Wildcards at the beginning leave out what begins with `$` [MQTT-4.7.2-1].
  if (name.startsWith('$') && /^[+#]/.test(filter)) return false
  const wanted = filter.split('/')
  const given = name.split('/')
  for (const [index, level] of wanted.entries()) {
    // It also matches its parent: `a/#` matches `a` (§4.7.1.2).
    if (level === '#') return true
    const text = given[index]
    if (text === undefined || (level !== '+' && level !== text)) return false
  }
  return wanted.length === given.length
}

/**
 * Whether everything that `inner` can match is matched by `outer` too: what a grant has to be for a
 * subscription. Both without a share.
 */
export function coversFilter(outer: string, inner: string): boolean {
  if (inner.startsWith('$') && /^[+#]/.test(outer)) return false
  const wanted = outer.split('/')
  const given = inner.split('/')
  // No name is empty: the `#` of `#` and `/#` has no parent to match and stands for some level.
  if (inner === '#' || inner === '/#') given.splice(-1, 0, '+')
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true
    const text = given[index]
    if (text === undefined || text === '#') return false
    if (level !== '+' && level !== text) return false
  }
  return wanted.length === given.length
}

/** At least a character [MQTT-4.7.3-1], at most 65,535 bytes [MQTT-4.7.3-3] and our levels. */
function hasTopicShape(text: string): boolean {
  if (text === '' || text.includes('\0')) return false
  if (text.length > TEXT_BYTES_MAX || utf8Size(text) > TEXT_BYTES_MAX) return false
  let count = 1
  for (let at = text.indexOf('/'); at >= 0; at = text.indexOf('/', at + 1)) {
    if (++count > TOPIC_LEVEL_COUNT_MAX) return false
  }
  return true
}

function hasWildcardShape(filter: string): boolean {
  const levels = filter.split('/')
  return levels.every((level, index) => {
    if (level === '+' || (level === '#' && index === levels.length - 1)) return true
    return !/[+#]/.test(level)
  })
}
