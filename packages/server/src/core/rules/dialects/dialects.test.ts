import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { RuleRecord } from '../../../ports/records/rule-set.ts'
import { BoundRules } from '../bound-rules.ts'
import { DEFAULT_RULES } from '../default-rules.ts'
import { compileRules } from '../rule-program.ts'
import { exportPolicy, importPolicy } from './policy-dialect.ts'
import { exportUserRules, importUserRules } from './user-rules-dialect.ts'

const POLICY = {
  version: '2',
  default: 'deny',
  global: [{ topic: 'news/#', action: 'sub' }],
  rules: [
    { topic: '$notifications/{email}/inbox/#', action: 'sub', binding: 'email' },
    { topic: 'app/{$self}/up', action: 'pub', binding: 'user_id' },
    { topic: 'team/{team}/#', action: 'pub+sub', binding: 'team', require_grant: true },
  ],
  publishers: [{ user: 'server-*', topic: 'news/#' }],
}

describe('a policy', () => {
  test('becomes rules that allow, with our placeholders', () => {
    expect(importPolicy(POLICY)).toEqual({
      ok: true,
      value: {
        rules: [
          { effect: 'allow', actions: ['subscribe'], filter: 'news/#' },
          { effect: 'allow', actions: ['subscribe'], filter: '$notifications/${email}/inbox/#' },
          { effect: 'allow', actions: ['publish'], filter: 'app/${user_id}/up' },
          { effect: 'allow', actions: ['publish', 'subscribe'], filter: 'team/${claim:team}/#' },
          { effect: 'allow', actions: ['publish'], filter: 'news/#', users: ['server-*'] },
        ],
        warnings: ['rules[2]: require_grant becomes a claim that the token has to bring'],
      },
    })
  })

  test('is warned of where it lets more in than it seems to', () => {
    const rules = [
      { topic: 'channels/{channel}', action: 'sub', binding: 'channel' },
      { topic: 'a/b', action: 'sub', binding: 'email' },
    ]
    const imported = importPolicy({ version: '2.1', rules })
    expect(imported).toMatchObject({
      value: {
        warnings: [
          'rules[0]: a channel is bound without require_grant: whoever names one gets it',
          'rules[1]: the topic does not name its binding email, so it is for everybody',
        ],
      },
    })
  })

  test.each<[object, string]>([
    [{ version: '1' }, 'version 2'],
    [{ version: '2', default: 'allow' }, 'default is deny'],
    [{ version: '2', rules: 'none' }, 'list of objects'],
    [{ version: '2', rules: [[]] }, 'list of objects'],
    [{ version: '2', rules: [{ topic: 'a', action: 'all' }] }, 'rules[0]: action is'],
    [{ version: '2', rules: [{ action: 'sub' }] }, 'no topic'],
    [{ version: '2', rules: [{ topic: 'a/{$self}', action: 'sub' }] }, 'needs a binding'],
    [{ version: '2', rules: [{ topic: 'a/{}', action: 'sub' }] }, 'no placeholder {}'],
    [{ version: '2', rules: [{ topic: 'a', action: 'sub', binding: 1 }] }, 'name of a claim'],
    [{ version: '2', global: [{ topic: 'a/#/b', action: 'sub' }] }, 'rule 1'],
    [{ version: '2', publishers: [{ topic: 'a' }] }, 'publishers[0]'],
  ])('%j is refused, and says what is wrong', (document, what) => {
    const imported = importPolicy(document as never)
    expect(imported.ok ? '' : imported.detail).toContain(what)
  })
})

describe('rules for user names', () => {
  const rules = [
    { user: 'sensor-*', topic: 'data/{username}/#', permission: 'publish' },
    { user: '*', topic: 'org/{org_short_id}/{client_id}', permission: 'both' },
    { user: 'x', topic: '$notifications/%u/inbox/%c', permission: 'subscribe' },
  ]

  test('become rules that allow', () => {
    const imported = importUserRules({ rules })
    expect(imported).toMatchObject({
      value: {
        rules: [
          { actions: ['publish'], filter: 'data/${username}/#', users: ['sensor-*'] },
          { actions: ['publish', 'subscribe'], filter: 'org/${org}/${client_id}' },
          { filter: '$notifications/${username}/inbox/${client_id}', users: ['x'] },
        ],
        warnings: [],
      },
    })
  })

  test('none of them allows everything elsewhere: that is warned of', () => {
    expect(importUserRules({ rules: [] })).toMatchObject({
      value: {
        rules: [],
        warnings: ['There is no rule: elsewhere that allows everything, here nothing.'],
      },
    })
  })

  test.each<[object, string]>([
    [{ rules: [{ topic: 'a', permission: 'both' }] }, 'user is a name'],
    [{ rules: [{ user: '*', topic: 'a', permission: 'all' }] }, 'permission is'],
    [{ rules: [{ user: '*', permission: 'both' }] }, 'no topic'],
    [{ rules: {} }, 'list of objects'],
    [{ rules: [{ user: '', topic: 'a', permission: 'both' }] }, 'rule 1'],
  ])('%j is refused, and says what is wrong', (document, what) => {
    const imported = importUserRules(document as never)
    expect(imported.ok ? '' : imported.detail).toContain(what)
  })
})

describe('what only allows cannot say what denies', () => {
  test.each([exportPolicy, exportUserRules])('so it is refused', (write) => {
    expect(write(DEFAULT_RULES)).toMatchObject({ ok: false, refusal: 'input_invalid' })
  })

  test.each([exportPolicy, exportUserRules])('unless nothing is allowed after it', (write) => {
    const rules: RuleRecord[] = [
      { effect: 'allow', actions: ['publish'], filter: 'a' },
      { effect: 'deny', actions: ['publish'], filter: '#' },
    ]
    expect(write(rules).ok).toBe(true)
  })

  test.each([exportPolicy, exportUserRules])('conditions are left out, with a warning', (write) => {
    const rules: RuleRecord[] = [
      { effect: 'allow', actions: ['publish'], filter: 'a', qosMax: 1 },
      { effect: 'allow', actions: ['publish'], filter: 'a', retain: false },
      { effect: 'allow', actions: ['history'], filter: 'a' },
    ]
    const exported = write(rules)
    expect(exported.ok && exported.value.warnings).toHaveLength(3)
  })
})

const action = fc.constantFrom('publish' as const, 'subscribe' as const)
const level = fc.constantFrom('a', '+', '${user_id}', '${claim:team}', '${org}')
const anyRule: fc.Arbitrary<RuleRecord> = fc
  .tuple(
    fc.uniqueArray(action, { minLength: 1 }),
    fc.array(level, { minLength: 1, maxLength: 3 }),
    fc.option(fc.constantFrom('ann', 'b*')),
  )
  .map(([actions, levels, user]) => {
    const rule = { effect: 'allow' as const, actions, filter: levels.join('/') }
    return user === null ? rule : { ...rule, users: [user] }
  })

function decider(rules: readonly RuleRecord[]) {
  const compiled = compileRules(rules)
  if (!compiled.ok) throw new Error(compiled.detail)
  const claims = new Map([['team', 'blue']])
  const names = { username: 'ann', clientId: 'c', userId: 'u', email: 'e', organization: 'org' }
  const bound = new BoundRules(compiled.value, { ...names, claims })
  return (topic: string) => [
    bound.decide('publish', topic, { qos: 0, retain: false, isAllowOnly: false })?.isAllow,
    bound.decideFilter(topic, 0)?.isAllow,
  ]
}

test('what is written as one form and read again allows the same, or less where it is warned', () => {
  const forms = [
    { write: exportPolicy, read: importPolicy },
    { write: exportUserRules, read: importUserRules },
  ]
  const words = fc.constantFrom('a', 'u', 'blue', 'org')
  const topics = fc.array(words, { minLength: 1, maxLength: 3 }).map((each) => each.join('/'))
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 4 }), topics, (rules, topic) => {
      for (const { write, read } of forms) {
        const exported = write(rules)
        if (!exported.ok) throw new Error(exported.detail)
        const imported = read(exported.value.document)
        if (!imported.ok) throw new Error(imported.detail)
        const before = decider(rules)(topic)
        const after = decider(imported.value.rules)(topic)
        if (exported.value.warnings.length === 0) expect(after).toEqual(before)
        else expect(after.some((each, place) => each === true && !before[place])).toBe(false)
      }
    }),
    { numRuns: 1_000 },
  )
})
