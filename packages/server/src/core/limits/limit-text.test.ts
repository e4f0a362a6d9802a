import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isConcurrent, LIMIT_NAMES, limitKind } from './limit-names.ts'
import {
  defaultLimit,
  formatLimit,
  type Limit,
  LIMIT_COUNT_MAX,
  LIMIT_QUOTA_MAX,
  LIMIT_TEXT_LENGTH_MAX,
  LIMIT_WINDOW_MS_MAX,
  parseLimit,
  parseLimits,
} from './limit-text.ts'

const anyLimit: fc.Arbitrary<Limit> = fc
  .record({
    name: fc.constantFrom(...LIMIT_NAMES),
    quota: fc.oneof(fc.nat(20), fc.integer({ min: 0, max: LIMIT_QUOTA_MAX })),
    windowMs: fc.oneof(
      fc.constantFrom(1, 1_000, 60_000, 90_000, 3_600_000, LIMIT_WINDOW_MS_MAX),
      fc.integer({ min: 1, max: LIMIT_WINDOW_MS_MAX }),
    ),
    isShadow: fc.boolean(),
    onOutage: fc.constantFrom('open', 'closed', 'local'),
  })
  .map(({ name, quota, windowMs, isShadow, onOutage }) =>
    isConcurrent(name)
      ? { name, quota, windowMs: undefined, isShadow }
      : { name, quota, windowMs, isShadow, onOutage },
  )

test('what is written is read again as the same limit, and fits the bound on texts', () => {
  fc.assert(
    fc.property(anyLimit, (limit) => {
      const text = formatLimit(limit)
      expect(text.length).toBeLessThanOrEqual(LIMIT_TEXT_LENGTH_MAX)
      expect(parseLimit(text)).toEqual({ ok: true, value: limit })
    }),
    { numRuns: 2_000 },
  )
})

test('no text makes the parser throw, and what it takes it writes the same way ever after', () => {
  const part = fc.constantFrom(...LIMIT_NAMES, '10', '/', '1s', '60ms', ' ', 'shadow', 'open', '\0')
  const anyText = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 8 }).map((all) => all.join('')),
  )
  fc.assert(
    fc.property(anyText, (text) => {
      const parsed = parseLimit(text)
      if (!parsed.ok) return
      const written = formatLimit(parsed.value)
      expect(parseLimit(written)).toEqual(parsed)
    }),
    { numRuns: 3_000 },
  )
})

test.each([
  ['publish.user 10/1s', 'publish.user 10/1s'],
  ['connect.ip 600/60s shadow', 'connect.ip 600/1m shadow'],
  ['publish.app 1000/1000ms closed', 'publish.app 1000/1s closed'],
  ['publish.app 1000/1s local', 'publish.app 1000/1s'],
  ['auth.ip 5/90s shadow open', 'auth.ip 5/90s shadow open'],
  ['message_bytes.app 4294967295/24h', 'message_bytes.app 4294967295/24h'],
  ['connections.user 20', 'connections.user 20'],
  ['connections.app 0 shadow', 'connections.app 0 shadow'],
])('%p is a limit', (text, written) => {
  const parsed = parseLimit(text)
  if (!parsed.ok) throw new Error(parsed.refusal)
  expect(formatLimit(parsed.value)).toBe(written)
  expect(Object.isFrozen(parsed.value)).toBe(true)
})

test('a quota of zero is a limit that allows nothing, not a limit that is missing', () => {
  expect(parseLimit('publish.app 0/1s')).toMatchObject({ ok: true, value: { quota: 0 } })
})

test.each([
  ['', 'limit_name_unknown'],
  ['publish', 'limit_name_unknown'],
  ['toString 1/1s', 'limit_name_unknown'],
  ['Publish.user 1/1s', 'limit_name_unknown'],
  [' publish.user 1/1s', 'limit_name_unknown'],
  [`publish.user 1/1s ${' '.repeat(LIMIT_TEXT_LENGTH_MAX)}`, 'limit_name_unknown'],
  ['publish.user', 'limit_quota_invalid'],
  ['publish.user /1s', 'limit_quota_invalid'],
  ['publish.user -1/1s', 'limit_quota_invalid'],
  ['publish.user 1.5/1s', 'limit_quota_invalid'],
  ['publish.user 1e3/1s', 'limit_quota_invalid'],
  ['publish.user 010/1s', 'limit_quota_invalid'],
  ['publish.user 4294967296/1s', 'limit_quota_invalid'],
  ['publish.user  1/1s', 'limit_quota_invalid'],
  ['publish.user 10', 'limit_window_invalid'],
  ['publish.user 10/', 'limit_window_invalid'],
  ['publish.user 10/s', 'limit_window_invalid'],
  ['publish.user 10/0s', 'limit_window_invalid'],
  ['publish.user 10/1d', 'limit_window_invalid'],
  ['publish.user 10/1s/1s', 'limit_window_invalid'],
  ['publish.user 10/745h', 'limit_window_invalid'],
  ['publish.user 10/9999999999h', 'limit_window_invalid'],
  ['connections.user 20/1s', 'limit_window_invalid'],
  ['publish.user 10/1s ', 'limit_word_unknown'],
  ['publish.user 10/1s Shadow', 'limit_word_unknown'],
  ['publish.user 10/1s open shadow', 'limit_word_unknown'],
  ['publish.user 10/1s open closed', 'limit_word_unknown'],
  ['publish.user 10/1s shadow shadow', 'limit_word_unknown'],
  ['connections.user 20 open', 'limit_word_unknown'],
  ['connections.user 20 shadow shadow', 'limit_word_unknown'],
])('%p is refused as %s', (text, refusal) => {
  const parsed = parseLimit(text)
  expect(parsed).toMatchObject({ ok: false, refusal })
})

describe('the limits of one source', () => {
  test('may name a limit once for each window and mode', () => {
    const texts = ['publish.user 10/1s', 'publish.user 100/1m', 'publish.user 5/1s shadow']
    const parsed = parseLimits(texts)
    expect(parsed.ok && parsed.value.map(formatLimit)).toEqual(texts)
    expect(parseLimits([...texts, 'publish.user 20/1000ms'])).toMatchObject({
      ok: false,
      refusal: 'limit_named_twice',
    })
  })

  test('are bounded in number, and one bad text refuses all', () => {
    const many = Array.from({ length: LIMIT_COUNT_MAX }, (_, n) => `publish.user 1/${n + 1}ms`)
    expect(parseLimits(many).ok).toBe(true)
    expect(parseLimits([...many, 'connections.user 2'])).toMatchObject({
      refusal: 'limits_too_many',
    })
    expect(parseLimits(['connections.user 2', 'x'])).toMatchObject({
      refusal: 'limit_name_unknown',
    })
  })
})

describe('the table of limits', () => {
  test.each([...LIMIT_NAMES])('%s is named by what it counts and by whom', (name) => {
    const { scope, does, unit, default: amount } = limitKind(name)
    expect(name).toMatch(/^[a-z]+(?:_[a-z]+)*\.[a-z]+$/)
    expect(name.split('.')[1]).toBe(scope)
    expect(does).toMatch(/^[A-Z].*\.$/)
    // What is counted at a time has no window to forget in.
    if (unit === 'concurrent') expect(amount).toBeUndefined()
  })

  test('every default is a limit that can be written', () => {
    for (const name of LIMIT_NAMES) {
      const limit = defaultLimit(name)
      expect(limit === undefined).toBe(limitKind(name).default === undefined)
      if (limit !== undefined) {
        expect(parseLimit(formatLimit(limit))).toEqual({ ok: true, value: limit })
      }
    }
  })
})
