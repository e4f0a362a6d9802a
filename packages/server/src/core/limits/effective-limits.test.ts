import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { concurrentRefusal, effectiveLimits, type LimitSources } from './effective-limits.ts'
import { isConcurrent, LIMIT_NAMES, type LimitName } from './limit-names.ts'
import { formatLimit, type Limit, parseLimits } from './limit-text.ts'

function limitsOf(...texts: string[]): readonly Limit[] {
  const parsed = parseLimits(texts)
  if (!parsed.ok) throw new Error(parsed.refusal)
  return parsed.value
}

/** What holds for `name`, as text. */
function heldOf(sources: LimitSources, name: LimitName): string[] {
  const { rules, concurrent } = effectiveLimits(sources)
  const limits = isConcurrent(name) ? concurrent[name] : rules[name]
  return limits.map(formatLimit)
}

const SOURCES = ['plan', 'app', 'key', 'token'] as const
const NAMES = ['publish.app', 'client_events.connection', 'connections.user'] as const

const anyText = fc
  .record({
    name: fc.constantFrom(...NAMES),
    quota: fc.nat(30),
    window: fc.constantFrom('1s', '2s', '1m'),
    shadow: fc.constantFrom('', '', ' shadow'),
    outage: fc.constantFrom('', ' open', ' closed'),
  })
  .map(({ name, quota, window, shadow, outage }) =>
    isConcurrent(name)
      ? `${name} ${quota}${shadow}`
      : `${name} ${quota}/${window}${shadow}${outage}`,
  )

/** Each window and mode once, as the parser asks. */
const anySource = fc
  .uniqueArray(anyText, {
    maxLength: 8,
    selector: (text) => text.replace(/ \d+/, '').replace(/ open| closed/, ''),
  })
  .map((texts) => limitsOf(...texts))

const anySources = fc.record(
  { plan: anySource, app: anySource, key: anySource, token: anySource },
  { requiredKeys: [] },
)

test('what holds is what every single source allows, and nothing less', () => {
  // The oracle asks each limit of each source by itself.
  const isAllowedBy = (limits: readonly Limit[], name: string, use: Map<string, number>) =>
    limits.every(
      (limit) =>
        limit.name !== name ||
        limit.isShadow ||
        (use.get(String(limit.windowMs)) ?? 0) <= limit.quota,
    )
  const anyUse = fc.tuple(fc.nat(35), fc.nat(35), fc.nat(35), fc.nat(35))
  fc.assert(
    fc.property(anySources, fc.constantFrom(...NAMES), anyUse, (sources, name, counts) => {
      const windows = ['1000', '2000', '60000', 'undefined']
      const use = new Map(windows.map((window, index) => [window, counts[index] ?? 0]))
      const said = SOURCES.flatMap((source) => sources[source] ?? [])
      const isNamed = [...(sources.plan ?? []), ...(sources.app ?? [])].some(
        (limit) => limit.name === name && !limit.isShadow,
      )
      const byDefault = isNamed ? [] : limitsOf('client_events.connection 10/1s')
      const { rules, concurrent } = effectiveLimits(sources)
      const held = isConcurrent(name) ? concurrent[name] : rules[name]
      expect(isAllowedBy(held, name, use)).toBe(isAllowedBy([...said, ...byDefault], name, use))
    }),
    { numRuns: 2_000 },
  )
})

test('for each name, window and mode there is one rule, the shortest window first', () => {
  fc.assert(
    fc.property(anySources, (sources) => {
      for (const list of Object.values(effectiveLimits(sources).rules)) {
        const places = list.map(({ windowMs, isShadow }) => `${windowMs} ${isShadow}`)
        expect(new Set(places).size).toBe(places.length)
        const windows = list.map(({ windowMs }) => windowMs)
        expect(windows).toEqual(windows.toSorted((one, other) => one - other))
      }
    }),
  )
})

test('every source narrows what the others say', () => {
  const sources = {
    plan: limitsOf('publish.user 100/1s', 'connections.user 50'),
    app: limitsOf('publish.user 200/1s', 'publish.user 1000/1m'),
    key: limitsOf('publish.user 80/1s'),
    token: limitsOf('publish.user 90/1s', 'connections.user 2'),
  }
  expect(heldOf(sources, 'publish.user')).toEqual(['publish.user 80/1s', 'publish.user 1000/1m'])
  expect(heldOf(sources, 'connections.user')).toEqual(['connections.user 2'])
})

describe('a default', () => {
  const name = 'client_events.connection'

  test('holds where nobody says anything', () => {
    expect(heldOf({}, name)).toEqual([`${name} 10/1s`])
    expect(heldOf({}, 'publish.app')).toEqual([])
  })

  test('gives way to a plan or an app, also to a wider one', () => {
    expect(heldOf({ app: limitsOf(`${name} 50/1s`) }, name)).toEqual([`${name} 50/1s`])
    expect(heldOf({ plan: limitsOf(`${name} 500/1m`) }, name)).toEqual([`${name} 500/1m`])
  })

  test('is not widened by a key or a token', () => {
    const sources = { key: limitsOf(`${name} 50/1s`), token: limitsOf(`${name} 500/1m`) }
    expect(heldOf(sources, name)).toEqual([`${name} 10/1s`, `${name} 500/1m`])
    expect(heldOf({ token: limitsOf(`${name} 3/1s`) }, name)).toEqual([`${name} 3/1s`])
  })

  test('is not taken away by a limit in shadow', () => {
    expect(heldOf({ app: limitsOf(`${name} 2/1s shadow`) }, name).toSorted()).toEqual([
      `${name} 10/1s`,
      `${name} 2/1s shadow`,
    ])
  })

  test('of what only the installation sets stays, whatever an app or token says', () => {
    const said = limitsOf('admin_failures.ip 1000/1m')
    for (const source of SOURCES) {
      expect(heldOf({ [source]: said }, 'admin_failures.ip')).toEqual(['admin_failures.ip 60/1m'])
    }
  })
})

test('of two words on outages the stricter holds, with the smaller quota', () => {
  const wide = limitsOf('publish.app 10/1s open')
  const strict = limitsOf('publish.app 20/1s closed')
  for (const sources of [
    { plan: wide, token: strict },
    { plan: strict, token: wide },
  ]) {
    expect(heldOf(sources, 'publish.app')).toEqual(['publish.app 10/1s closed'])
  }
})

test('what comes out cannot be changed, down to each rule', () => {
  const { rules, concurrent } = effectiveLimits({ app: limitsOf('publish.app 1/1s') })
  for (const part of [rules, concurrent, rules['publish.app'], rules['publish.app'][0]]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
})

test('of what is there at a time, one that is enforced refuses before one in shadow', () => {
  const limits = effectiveLimits({
    app: limitsOf('connections.app 2 shadow', 'connections.app 3'),
  }).concurrent['connections.app']
  expect(concurrentRefusal(limits, 2)).toBeUndefined()
  expect(concurrentRefusal(limits, 3)).toMatchObject({ quota: 2, isShadow: true })
  expect(concurrentRefusal(limits, 4)).toMatchObject({ quota: 3, isShadow: false })
  const none = effectiveLimits({ token: limitsOf('connections.app 0') })
  expect(concurrentRefusal(none.concurrent['connections.app'], 1)).toMatchObject({ quota: 0 })
})

test('every limit of the table has its list', () => {
  const { rules, concurrent } = effectiveLimits({})
  expect([...Object.keys(rules), ...Object.keys(concurrent)].toSorted()).toEqual(
    LIMIT_NAMES.toSorted(),
  )
})
