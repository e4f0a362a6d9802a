/**
 * What an organization lets its clients do as long as it has said nothing: all topics, but not the
 * server's own, and answers to requests only for who asked. A row named `default` takes its place.
 */
import type { RuleRecord } from '../../ports/records/rule-set.ts'

/** The rule set every client of an organization is held to. */
export const DEFAULT_RULE_SET = 'default'

export const DEFAULT_RULES: readonly RuleRecord[] = [
  { effect: 'allow', actions: ['subscribe'], filter: 'response/${client_id}' },
  // All below too: a client id with a slash in it is no single level.
  { effect: 'deny', actions: ['subscribe'], filter: 'response/#' },
  { effect: 'deny', actions: ['publish', 'subscribe', 'presence', 'history'], filter: '$SYS/#' },
  {
    effect: 'allow',
    actions: ['publish', 'subscribe', 'presence', 'history'],
    filter: '$notifications/#',
  },
  {
    effect: 'allow',
    actions: ['publish', 'subscribe', 'presence', 'history'],
    filter: '$spaces/#',
  },
  { effect: 'allow', actions: ['publish', 'subscribe', 'presence', 'history'], filter: '#' },
]
