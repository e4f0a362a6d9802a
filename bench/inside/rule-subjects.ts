/**
 * A hundred rules as an organization writes them: by area, most of them with the user or the client
 * in it. Topics are decided by any of them, the last ones too, or by none.
 */
import type { RuleRecord } from '../../packages/server/src/ports/records/rule-set.ts'
import type { RuleSubject } from '../../packages/server/src/core/rules/topic-rules.ts'

const RULE_COUNT = 100
const SUBJECT_COUNT = 1_000

const SHAPES = [
  (area: string) => `app/users/\${user_id}/${area}/#`,
  (area: string) => `app/devices/\${client_id}/${area}/+/state`,
  (area: string) => `app/rooms/+/${area}/\${user_id}`,
  (area: string) => `shop/${area}/\${user_id}/+`,
]

export const RULES: readonly RuleRecord[] = Array.from({ length: RULE_COUNT }, (_, index) => ({
  effect: 'allow',
  actions: ['publish', 'subscribe'],
  filter: shapeOf(index)(`area-${index}`),
}))

export const SUBJECTS: readonly RuleSubject[] = Array.from(
  { length: SUBJECT_COUNT },
  (_, index) => ({
    username: `user-${index}`,
    clientId: `client-${index}`,
    userId: `u${index}`,
    email: undefined,
    organization: 'org_k7xm4pqr2n5t',
    claims: undefined,
  }),
)

/** One of five asks for what belongs to somebody else: all rules are tried. */
export function isExpected(index: number): boolean {
  return index % 5 !== 0
}

export const TOPICS = SUBJECTS.map((_, index) => topicOf(index).replaceAll('+', 'kitchen'))
/** The same with its wildcards: what a client subscribes to. */
export const FILTERS = SUBJECTS.map((_, index) => topicOf(index))

function topicOf(index: number): string {
  const rule = (index * 37) % RULE_COUNT
  const owner = isExpected(index) ? index : index + 1
  return shapeOf(rule)(`area-${rule}`)
    .replace('${user_id}', `u${owner}`)
    .replace('${client_id}', `client-${owner}`)
    .replace('#', 'inbox')
}

function shapeOf(index: number): (area: string) => string {
  const shape = SHAPES[index % SHAPES.length]
  if (shape === undefined) throw new Error('there is a shape for every rule')
  return shape
}
