import { describe, expect, test } from 'bun:test'
import type { RuleRecord } from '../../ports/records/rule-set.ts'
import type { Qos } from '../topics/topic-message.ts'
import { BoundRules } from './bound-rules.ts'
import { DEFAULT_RULES } from './default-rules.ts'
import { compileRules } from './rule-program.ts'
import type { RuleSubject } from './topic-rules.ts'

const SUBJECT: RuleSubject = {
  username: 'ann',
  clientId: 'c1',
  userId: 'u1',
  email: 'ann@example.com',
  organization: 'org_1',
  claims: new Map([['team', 'blue']]),
}

function bind(rules: readonly RuleRecord[], subject: Partial<RuleSubject> = {}): BoundRules {
  const compiled = compileRules(rules)
  if (!compiled.ok) throw new Error(compiled.detail)
  return new BoundRules(compiled.value, { ...SUBJECT, ...subject })
}

interface Sent {
  readonly qos?: Qos
  readonly retain?: boolean
}

function mayPublish(rules: BoundRules, topic: string, { qos = 0, retain = false }: Sent = {}) {
  return rules.decide('publish', topic, { qos, retain, isAllowOnly: false })?.isAllow === true
}

function maySubscribe(rules: BoundRules, filter: string, qos: Qos = 0): boolean {
  return rules.decideFilter(filter, qos)?.isAllow === true
}

const allow = (filter: string, rest: Partial<RuleRecord> = {}): RuleRecord => {
  return { effect: 'allow', actions: ['publish', 'subscribe'], filter, ...rest }
}
const deny = (filter: string, rest: Partial<RuleRecord> = {}): RuleRecord => {
  return { ...allow(filter, rest), effect: 'deny' }
}

describe('to publish', () => {
  test('nothing is allowed that no rule allows', () => {
    expect(mayPublish(bind([]), 'a')).toBe(false)
    expect(mayPublish(bind([allow('a/b')]), 'a')).toBe(false)
  })

  test('the first rule that matches decides', () => {
    const rules = bind([allow('a/b'), deny('a/#'), allow('#')])
    expect(mayPublish(rules, 'a/b')).toBe(true)
    expect(mayPublish(rules, 'a/c')).toBe(false)
    expect(mayPublish(rules, 'a')).toBe(false)
    expect(mayPublish(rules, 'b')).toBe(true)
  })

  test('a rule is for its actions, its highest QoS and its retain flag', () => {
    const rules = bind([
      { ...allow('a'), actions: ['subscribe'] },
      allow('b', { qosMax: 1 }),
      { ...allow('c', { retain: false }), actions: ['publish'] },
    ])
    expect(mayPublish(rules, 'a')).toBe(false)
    expect(mayPublish(rules, 'b', { qos: 1 })).toBe(true)
    expect(mayPublish(rules, 'b', { qos: 2 })).toBe(false)
    expect(mayPublish(rules, 'c', { retain: false })).toBe(true)
    expect(mayPublish(rules, 'c', { retain: true })).toBe(false)
  })

  test('a rule for some users passes others by', () => {
    const rules = [deny('a', { users: ['sensor-*', 'bob'] }), allow('a')]
    expect(mayPublish(bind(rules), 'a')).toBe(true)
    expect(mayPublish(bind(rules, { username: 'bob' }), 'a')).toBe(false)
    expect(mayPublish(bind(rules, { username: 'sensor-1' }), 'a')).toBe(false)
    expect(mayPublish(bind(rules, { username: 'Sensor-1' }), 'a')).toBe(true)
  })

  test('wildcards at the beginning leave out what begins with a dollar sign', () => {
    const rules = bind([allow('#'), allow('+/x'), allow('+/#')])
    expect(mayPublish(rules, '$SYS/x')).toBe(false)
    expect(mayPublish(rules, 'SYS/x')).toBe(true)
    expect(mayPublish(bind([allow('$notifications/#')]), '$notifications/u/inbox')).toBe(true)
  })
})

describe('placeholders', () => {
  const every = 'x/${user_id}/${client_id}/${org}/${username}/${email}/${claim:team}/#'

  test('each stands for what it says', () => {
    expect(mayPublish(bind([allow(every)]), 'x/u1/c1/org_1/ann/ann@example.com/blue/z')).toBe(true)
    expect(mayPublish(bind([allow(every)]), 'x/u2/c1/org_1/ann/ann@example.com/blue/z')).toBe(false)
  })

  test('a value may be a part of its level', () => {
    const rules = bind([allow('room-${user_id}-${client_id}/in')])
    expect(mayPublish(rules, 'room-u1-c1/in')).toBe(true)
    expect(mayPublish(rules, 'room-u1-c12/in')).toBe(false)
    expect(mayPublish(rules, 'room-u1-c1')).toBe(false)
  })

  test.each(['', 'a/b', '+', '#', 'a+', 'x#', 'a\0b', '/', 'u1/'])(
    'a value of %p makes the rule match nothing',
    (userId) => {
      const rules = bind([allow('u/${user_id}/#')], { userId })
      for (const topic of ['u', 'u/', 'u/a', 'u/a/b', `u/${userId}`, 'u/u1']) {
        expect(mayPublish(rules, topic)).toBe(false)
        expect(maySubscribe(rules, topic)).toBe(false)
      }
      for (const filter of ['u/#', 'u/+', 'u/+/#', `u/${userId}/#`]) {
        expect(maySubscribe(rules, filter)).toBe(false)
      }
    },
  )

  test('what the subject does not have matches nothing', () => {
    const rules = bind([allow('u/${user_id}'), allow('c/${claim:other}')], { userId: undefined })
    expect(mayPublish(rules, 'u/')).toBe(false)
    expect(mayPublish(rules, 'u/undefined')).toBe(false)
    expect(mayPublish(rules, 'c/')).toBe(false)
  })

  test('who is called like a topic of the server gets none by that', () => {
    const rules = bind([allow('${user_id}/#')], { userId: '$SYS' })
    expect(mayPublish(rules, '$SYS/x')).toBe(false)
    expect(maySubscribe(rules, '$SYS/#')).toBe(false)
    expect(mayPublish(bind([allow('a/${user_id}')], { userId: '$SYS' }), 'a/$SYS')).toBe(true)
  })

  test('a value that looks like a placeholder is not looked up again', () => {
    const rules = bind([allow('a/${user_id}')], { userId: '${client_id}' })
    expect(mayPublish(rules, 'a/c1')).toBe(false)
    expect(mayPublish(rules, 'a/${client_id}')).toBe(true)
    expect(maySubscribe(bind([deny('a/${user_id}'), allow('a/+')], { userId: '$&' }), 'a/+')).toBe(
      false,
    )
  })
})

describe('to subscribe', () => {
  test.each([
    ['a/#', 'a/+/c', true],
    ['a/+/c', 'a/#', false],
    ['a/+', 'a/+', true],
    ['a/+', 'a/b', true],
    ['a/b', 'a/+', false],
    ['#', '#', true],
    ['#', '$SYS/#', false],
    ['+/#', '#', true],
    ['+/+', '#', false],
    ['a/+/#', 'a/#', false],
    ['a/#', 'a', true],
    ['u/${user_id}/#', 'u/u1/#', true],
    ['u/${user_id}/#', 'u/+/#', false],
    ['u/${user_id}/#', 'u/u2/#', false],
  ])('a rule that allows %s: %s is %p', (granted, asked, isAllowed) => {
    expect(maySubscribe(bind([allow(granted)]), asked)).toBe(isAllowed)
  })

  test('a rule that denies a part refuses the whole', () => {
    const rules = bind([deny('a/secret/#'), allow('a/#')])
    expect(maySubscribe(rules, 'a/#')).toBe(false)
    expect(maySubscribe(rules, 'a/+')).toBe(false)
    expect(maySubscribe(rules, 'a/+/b')).toBe(false)
    expect(maySubscribe(rules, 'a/open/#')).toBe(true)
    expect(maySubscribe(rules, 'a/secret/x')).toBe(false)
  })

  test('but not a part that was allowed before', () => {
    const rules = bind([allow('a/secret/${user_id}/#'), deny('a/secret/u1/x'), allow('a/#')])
    expect(maySubscribe(rules, 'a/secret/u1/#')).toBe(true)
    expect(maySubscribe(rules, 'a/#')).toBe(true)
    expect(maySubscribe(bind([deny('a/secret/u1/x'), allow('a/#')]), 'a/#')).toBe(false)
  })

  test('a deny for somebody else, or for publishing, refuses nothing', () => {
    const rules = bind([
      deny('a/x', { users: ['bob'] }),
      { ...deny('a/y'), actions: ['publish'] },
      deny('b/${claim:none}'),
      deny('$SYS/#'),
      allow('#'),
    ])
    expect(maySubscribe(rules, 'a/#')).toBe(true)
    expect(maySubscribe(rules, 'b/#')).toBe(true)
    expect(maySubscribe(rules, '#')).toBe(true)
  })

  test('more than the highest QoS is not allowed', () => {
    const rules = bind([allow('a', { qosMax: 1 })])
    expect(maySubscribe(rules, 'a', 1)).toBe(true)
    expect(maySubscribe(rules, 'a', 2)).toBe(false)
  })
})

describe('the rule set of an organization that has said nothing', () => {
  const rules = bind(DEFAULT_RULES)

  test.each(['a', 'a/b', 'response/other', '$notifications/u/inbox', '$spaces/1/cursors'])(
    '%s may be published to',
    (topic) => expect(mayPublish(rules, topic, { qos: 2, retain: true })).toBe(true),
  )
  test.each(['$SYS/x', '$SYS', '$other/x'])('%s may not', (topic) => {
    expect(mayPublish(rules, topic)).toBe(false)
  })
  test.each(['a/#', '$notifications/u/inbox/#', '$spaces/1/#', 'response/c1', 'shop/+/#'])(
    '%s may be subscribed to',
    (filter) => expect(maySubscribe(rules, filter, 2)).toBe(true),
  )
  test.each([
    '#',
    '+/x/#',
    '+/+',
    'response/+',
    'response/#',
    'response/c2',
    'response/c1/x',
    '$SYS/#',
  ])('%s may not', (filter) => expect(maySubscribe(rules, filter)).toBe(false))
  test('a client id with a slash gets nothing of others', () => {
    expect(maySubscribe(bind(DEFAULT_RULES, { clientId: 'a/b' }), 'response/a/b')).toBe(false)
    expect(maySubscribe(bind(DEFAULT_RULES, { clientId: '+' }), 'response/+')).toBe(false)
  })
})
