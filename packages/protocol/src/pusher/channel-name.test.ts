import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CHANNEL_NAME_LENGTH_MAX, needsSignature, parseChannelName } from './channel-name.ts'

const ALPHABET = 'ABCXYZabcxyz0189_-=@,.;'.split('')
const KNOWN_PARTS = ['private-', 'presence-', 'encrypted-', 'cache-', 'x', '-', 'private', 'my']

/** Names made of the very parts that prefixes are made of, in any order. */
const tricky = fc
  .array(fc.oneof(fc.constantFrom(...KNOWN_PARTS), fc.constantFrom(...ALPHABET)), {
    minLength: 1,
    maxLength: 12,
  })
  .map((parts) => parts.join(''))

describe('channel kinds', () => {
  const table = [
    ['news', 'public', false],
    ['private-a', 'private', false],
    ['private-encrypted-a', 'encrypted', false],
    ['presence-a', 'presence', false],
    ['cache-a', 'public', true],
    ['private-cache-a', 'private', true],
    ['private-encrypted-cache-a', 'encrypted', true],
    ['presence-cache-a', 'presence', true],
    ['private-mycache-a', 'private', false],
    ['mycache-a', 'public', false],
    ['xprivate-a', 'public', false],
    ['presence-encrypted-a', 'presence', false],
    ['cache-private-a', 'public', true],
  ] as const
  test.each(table)('%s is %s, cache %p', (name, kind, isCache) => {
    expect(parseChannelName(name)).toEqual({
      ok: true,
      value: { name, kind, isCache, ownerId: undefined },
    })
  })

  test('need a signature exactly when the name begins private- or presence-', () => {
    fc.assert(
      fc.property(tricky, (name) => {
        const parsed = parseChannelName(name)
        if (!parsed.ok) throw new Error(`refused ${name}: ${parsed.refusal}`)
        expect(needsSignature(parsed.value.kind)).toBe(/^(private|presence)-/.test(name))
      }),
      { numRuns: 2_000 },
    )
  })

  test('are cache channels exactly by the anchored prefix, whatever the authorization', () => {
    const isCache = /^(private-encrypted-|private-|presence-)?cache-/
    fc.assert(
      fc.property(tricky, (name) => {
        const parsed = parseChannelName(name)
        expect(parsed.ok && parsed.value.isCache).toBe(isCache.test(name))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('channel names', () => {
  test('are refused for any text outside the alphabet, and never throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 220 }), (text) => {
        const isLegal = /^(#server-to-user-)?[A-Za-z0-9_\-=@,.;]+$/.test(text)
        expect(parseChannelName(text).ok).toBe(isLegal && text.length <= CHANNEL_NAME_LENGTH_MAX)
      }),
    )
  })

  test('cannot repeat the string of a sign-in signature', () => {
    expect(parseChannelName(':user::{"id":"victim"}').ok).toBe(false)
  })

  test('of users carry the owner, and only legal ids make one', () => {
    expect(parseChannelName('#server-to-user-a@b.c')).toMatchObject({ value: { ownerId: 'a@b.c' } })
    expect(parseChannelName('#server-to-user-')).toMatchObject({
      refusal: 'channel_name_character',
    })
    expect(parseChannelName('#other').ok).toBe(false)
    expect(parseChannelName(`#server-to-user-${'x'.repeat(129)}`).ok).toBe(false)
  })
})
