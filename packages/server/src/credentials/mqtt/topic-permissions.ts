/**
 * What scopes and permissions, which name channels, let their holder do on topics. A pattern with a
 * `/` is a topic filter as it stands; any other is one whose segments are levels, so that `doc:*`
 * is everything below `doc`. What no filter says exactly allows nothing. Pure.
 */
import { isTopicFilter } from '@lockgate/protocol/mqtt/topic'
import type { Action } from '../../core/acl.ts'
import { ANY_CHANNEL, type Permissions } from '../../core/permissions.ts'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { permissionsOfScopes } from '../scopes.ts'

export interface TopicPermissions {
  readonly mayPublish: boolean
  readonly maySubscribe: boolean
  /** Undefined: every topic, of what may be done at all. */
  readonly acl: TopicAcl | undefined
}

/** Read once for each state of a key or token: their permissions are one object as long. */
const known = new WeakMap<Permissions, TopicPermissions>()

export function topicPermissions(permissions: Permissions): TopicPermissions {
  const before = known.get(permissions)
  if (before !== undefined) return before
  const read = readPermissions(permissions)
  known.set(permissions, read)
  return read
}

/** Of an API key, as {@link topicPermissions} reads them. */
export function topicScopes(key: CredentialRecord): TopicPermissions {
  const before = ofKeys.get(key)
  if (before !== undefined) return before
  const read = topicPermissions(permissionsOfScopes(key.attributes.scopes))
  ofKeys.set(key, read)
  return read
}

const ofKeys = new WeakMap<CredentialRecord, TopicPermissions>()

function readPermissions(permissions: Permissions): TopicPermissions {
  const publish = filtersOf(permissions, 'publish')
  const subscribe = filtersOf(permissions, 'subscribe')
  const acl = {
    ...(publish === undefined ? {} : { publish }),
    ...(subscribe === undefined ? {} : { subscribe }),
  }
  return {
    mayPublish: publish?.length !== 0,
    maySubscribe: subscribe?.length !== 0,
    acl: publish === undefined && subscribe === undefined ? undefined : acl,
  }
}

/** @returns undefined for all topics, and none where the action is not allowed. */
function filtersOf({ rules }: Permissions, action: Action): readonly string[] | undefined {
  const patterns = rules.flatMap(({ pattern, actions }) =>
    actions.includes(action) ? [pattern] : [],
  )
  if (patterns.includes(ANY_CHANNEL)) return undefined
  return patterns.flatMap((pattern) => filterOf(pattern) ?? [])
}

/** @returns undefined where no topic filter means the same. */
function filterOf(pattern: string): string | undefined {
  if (pattern.includes('/')) {
    // A shared one says with whom, not what; a star is no wildcard of topics.
    const isPlain = isTopicFilter(pattern) && !/^\$share\/|\*/.test(pattern)
    return isPlain ? pattern : undefined
  }
  const segments = pattern.split(':')
  const last = segments.at(-1)
  const isOpen = last === '*' || last === ANY_CHANNEL
  const named = isOpen ? segments.slice(0, -1) : segments
  // A star for a part of a level, or a wildcard of topics that is none in a pattern.
  if (named.some((segment) => segment !== '*' && /[*+#]/.test(segment))) return undefined
  const levels = named.map((segment) => (segment === '*' ? '+' : segment))
  // One level at least, as a pattern asks for one segment: `doc` itself is not meant.
  const filter = (isOpen ? [...levels, '+', '#'] : levels).join('/')
  return isTopicFilter(filter) ? filter : undefined
}
