import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { coversFilter, isTopicFilter, isTopicName, matchesTopic, splitShared } from './topic.ts'

describe('examples of the specification (§4.7)', () => {
  test.each([
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/#', 'sport', true],
    ['#', 'anything/at/all', true],
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/uptime', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/uptime', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['ACCOUNTS', 'Accounts', false],
    ['a//b', 'a//b', true],
    ['a/+/b', 'a//b', true],
  ])('%s and %s: %p', (filter, name, isMatch) => {
    expect(matchesTopic(filter, name)).toBe(isMatch)
  })
})

test.each(['sport/#', '#', '+', '+/tennis/#', 'a/+/b', '$share/g/a/#', '$share/g//a', '/', 'a b'])(
  '%s is a filter',
  (text) => expect(isTopicFilter(text)).toBe(true),
)

test.each([
  '',
  'sport/tennis#',
  'sport/#/ranking',
  'sport+',
  '##',
  '+a',
  '$share/g',
  '$share//a',
  '$share/g/',
])('%p is no filter', (text) => expect(isTopicFilter(text)).toBe(false))

test.each(['', 'a/+', 'a/#', 'a#b', 'a\0b', 'x'.repeat(65_536), 'ü'.repeat(32_768)])(
  'a name of %p is none',
  (text) => expect(isTopicName(text)).toBe(false),
)

test('as many levels as the bound says, and no more', () => {
  expect(isTopicName('/'.repeat(127))).toBe(true)
  expect(isTopicName('/'.repeat(128))).toBe(false)
  expect(isTopicFilter(`${'+/'.repeat(127)}#`)).toBe(true)
  expect(isTopicFilter(`${'+/'.repeat(128)}#`)).toBe(false)
})

test('a shared filter is its group and a filter', () => {
  expect(splitShared('$share/workers/jobs/+')).toEqual({ group: 'workers', filter: 'jobs/+' })
  expect(splitShared('$shared/x/y')).toBeUndefined()
  expect(splitShared('$share/g')).toBeUndefined()
})

const word = fc.constantFrom('a', 'b', '$c', '')
const names = fc.array(word, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))

/** Every name of up to four levels over the words above and one that no filter has. */
function everyName(): readonly string[] {
  const words = ['a', 'b', '$c', '', 'z']
  let all = words
  const found = [...all]
  for (let depth = 1; depth < 4; depth++) {
    all = all.flatMap((name) => words.map((level) => `${name}/${level}`))
    found.push(...all)
  }
  return found.filter(isTopicName)
}
const NAMES = everyName()

test('a filter matches what the rule of the specification, level by level, says', () => {
  const naive = (filter: string, name: string): boolean => {
    if (name.startsWith('$') !== filter.startsWith('$') && /^[+#]/.test(filter)) return false
    const pattern = filter
      .replaceAll(/[$]/g, '\\$')
      .replaceAll('+', '[^/]*')
      .replace(/\/#$/, '(?:/.*)?')
      .replace(/^#$/, '.*')
    return new RegExp(`^${pattern}$`).test(name)
  }
  fc.assert(
    fc.property(filters.filter(isTopicFilter), names.filter(isTopicName), (filter, name) => {
      expect(matchesTopic(filter, name)).toBe(naive(filter, name))
    }),
    { numRuns: 3_000 },
  )
})

test('a filter covers another one exactly when it matches all that the other one matches', () => {
  const short = filters.filter((each) => isTopicFilter(each) && each.split('/').length < 4)
  fc.assert(
    fc.property(short, short, (outer, inner) => {
      const isSubset = NAMES.every(
        (name) => !matchesTopic(inner, name) || matchesTopic(outer, name),
      )
      expect(coversFilter(outer, inner)).toBe(isSubset)
    }),
    { numRuns: 2_000 },
  )
})
