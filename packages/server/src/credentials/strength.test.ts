import { describe, expect, test } from 'bun:test'
import { hash } from 'node:crypto'
import fc from 'fast-check'
import { systemRandom } from '../adapters/system/random.ts'
import { generateKey, KEY_PREFIXES } from './key-format.ts'
import { checkStrength, checkUnused, VALUE_BYTES_MAX, VALUE_BYTES_MIN } from './strength.ts'

const STRONG = 'mR7vXq2LzT9cYb4NfKd8WsGj3HpQ6uAeVxB1tZ5y'

/** The same 1,000 random values in every run, so that no run can fail by chance. */
const samplesOf = (encoding: 'hex' | 'base64' | 'base64url') =>
  Array.from({ length: 1_000 }, (_, index) => hash('sha256', `sample ${index}`, encoding))

describe('random values pass', () => {
  test.each([
    ['32 bytes in base64url, 43 characters', samplesOf('base64url')],
    ['32 bytes in base64', samplesOf('base64')],
    ['32 bytes in hexadecimal', samplesOf('hex')],
    ['24 bytes in base64url', samplesOf('base64url').map((value) => value.slice(0, 32))],
    ['keys of our own', KEY_PREFIXES.map((prefix) => generateKey(prefix, systemRandom).value)],
  ])('%s', (_, values) => {
    for (const value of values)
      expect(checkStrength(value, ['my app', 'backend'])).toEqual({
        ok: true,
        value: true,
      })
  })
})

describe('too easy to guess', () => {
  test.each([
    ['one character', 'a'.repeat(64)],
    ['43 characters of base64url that repeat', 'abcdefg-'.repeat(6)],
    ['a short period', 'aB3$'.repeat(10)],
    ['a period that changes its case', 'Xk2pXK2PxK2pXk2PxK2PXk2pxk2pXk2P'],
    ['a word repeated', 'Password1!'.repeat(4)],
    ['counting', '0123456789'.repeat(4)],
    ['the order of hexadecimal', '0123456789abcdef0123456789abcdef'],
    ['a row of keys', 'qwertyuiopasdfghjklzxcvbnm1234567890QWERTY'],
    ['English', 'this is my very long secret for the app'],
    ['English with signs', 'correct-horse-battery-staple-something-else'],
    ['German', 'das ist mein sehr langes geheimnis fuer die app'],
    ['a placeholder', 'my-super-secret-client-secret-value-please-change'],
    ['zeros with an end', '1'.padStart(44, '0')],
    ['two characters only', 'ababbabababbbababababbbabababababbbababababa'],
    ['38 digits, 126 bits', '31415926535897932384626433832795028841'],
  ])('%s', (_, value) => {
    const refused = checkStrength(value, [])
    expect(refused).toMatchObject({ ok: false, refusal: 'weak_secret' })
    expect(refused.ok ? '' : refused.detail).toContain('easy to guess')
  })
})

describe('refused with what to change', () => {
  test.each([
    ['32 to 256', STRONG.slice(0, VALUE_BYTES_MIN - 1)],
    [
      '32 to 256',
      samplesOf('hex')
        .join('')
        .slice(0, VALUE_BYTES_MAX + 1),
    ],
    ['32 to 256', ''],
    ['printable ASCII', `${STRONG}é`],
    ['printable ASCII', `${STRONG}\u0000`],
    ['printable ASCII', `${STRONG}\n`],
    ['space off', `${STRONG} `],
    ['space off', ` ${STRONG}`],
  ])('%s', (change, value) => {
    const refused = checkStrength(value, [])
    expect(refused).toMatchObject({ refusal: 'weak_secret' })
    expect(refused.ok ? '' : refused.detail).toContain(change)
  })

  test('the bounds themselves pass', () => {
    expect(checkStrength(STRONG.slice(0, VALUE_BYTES_MIN), []).ok).toBe(true)
    expect(checkStrength(samplesOf('hex').join('').slice(0, VALUE_BYTES_MAX), []).ok).toBe(true)
  })

  test('the client id or the name of the app inside, in any case', () => {
    const value = `${STRONG}-BackEnd`
    expect(checkStrength(value, ['client-1', 'backend'])).toMatchObject({ refusal: 'weak_secret' })
    expect(checkStrength(value, ['frontend'])).toMatchObject({ ok: true })
  })

  test('a name of three letters is no reason: it is in random text by chance', () => {
    expect(checkStrength(STRONG, [STRONG.slice(5, 8)])).toMatchObject({ ok: true })
  })
})

test('no value of any kind throws, takes long or comes back in the detail', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 8, maxLength: 400 }), (value) => {
      const checked = checkStrength(value, [value])
      expect(checked.ok).toBe(false)
      expect(JSON.stringify(checked)).not.toContain(value)
    }),
  )
})

test('a value that is known by its fingerprint is refused, wherever it was used', () => {
  expect(checkUnused('print-1', ['print-2', 'print-3'])).toMatchObject({ ok: true })
  expect(checkUnused('print-3', new Set(['print-2', 'print-3']))).toMatchObject({
    refusal: 'weak_secret',
  })
  expect(checkUnused('', [''])).toMatchObject({ ok: true })
})
