import { describe, expect, test } from 'bun:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { systemRandom } from '../adapters/system/random.ts'
import {
  generateKey,
  hintOf,
  KEY_LENGTH_MAX,
  KEY_PREFIXES,
  KEY_SCANNER,
  KEY_TYPES,
  type KeyPrefix,
  parseKey,
} from './key-format.ts'

const anyPrefix = fc.constantFrom(...KEY_PREFIXES)
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Written independently of the module: a big integer and another CRC. */
function expectedChecksum(covered: string): string {
  let rest = BigInt(crc32(covered))
  let digits = ''
  for (let place = 0; place < 6; place++) {
    digits = DIGITS.charAt(Number(rest % 62n)) + digits
    rest /= 62n
  }
  return digits
}

test.each(KEY_PREFIXES.map((prefix) => [prefix]))(
  'a %s key has the format and parses',
  (prefix) => {
    const { value, keyId, hint } = generateKey(prefix, systemRandom)
    expect(value).toMatch(new RegExp(`^${prefix}_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$`))
    expect(parseKey(value)).toEqual({ ok: true, value: { prefix, keyId, hint } })
    expect(value.slice(prefix.length + 1, prefix.length + 17)).toBe(keyId)
    expect(hint).toBe(value.slice(-4))
    expect(hintOf(value)).toBe(hint)
  },
)

test('the secret of a key holds at least 256 random bits', () => {
  const secretLength = generateKey('sk', systemRandom).value.length - 'sk_'.length - 16 - 1 - 6
  expect(secretLength * Math.log2(62)).toBeGreaterThanOrEqual(256)
})

test('the checksum is CRC-32 of everything before it, in base 62', () => {
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      const { value } = generateKey(prefix, systemRandom)
      expect(value.slice(-6)).toBe(expectedChecksum(value.slice(0, -6)))
    }),
  )
})

test('a key made by hand with a right checksum parses: the format needs no secret', () => {
  const covered = `sk_${'0'.repeat(16)}_${'a'.repeat(43)}`
  expect(parseKey(covered + expectedChecksum(covered)).ok).toBe(true)
})

describe('a key is refused', () => {
  const { value } = generateKey('cls', systemRandom)

  test('after any change of one character', () => {
    for (let index = 'cls_'.length; index < value.length; index++) {
      if (value[index] === '_') continue
      const other = value[index] === 'x' ? 'y' : 'x'
      const changed = value.slice(0, index) + other + value.slice(index + 1)
      expect(parseKey(changed)).toEqual({ ok: false, refusal: 'checksum' })
    }
  })

  test('when two neighbours are swapped', () => {
    for (let index = 'cls_'.length; index < value.length - 1; index++) {
      const [first = '', second = ''] = [value[index], value[index + 1]]
      if (first === second) continue
      const changed = value.slice(0, index) + second + first + value.slice(index + 2)
      expect(parseKey(changed).ok).toBe(false)
    }
  })

  test('under another prefix, so a public key never passes for a secret one', () => {
    const secret = generateKey('sk', systemRandom).value
    expect(parseKey(secret.replace(/^sk/, 'pk'))).toEqual({ ok: false, refusal: 'checksum' })
  })

  test.each<[string, string]>([
    ['cut', value.slice(0, -1)],
    ['longer', `${value}0`],
    ['with a line end', `${value}\n`],
    ['with a space before it', ` ${value}`],
    ['empty', ''],
    ['of an unknown prefix', value.replace('cls', 'zk')],
    ['of upper case', value.replace('cls', 'CLS')],
    ['with a letter outside of base 62', value.replace(/.$/, 'é')],
    ['of a million characters', 'sk_'.padEnd(1_000_000, 'a')],
  ])('%s', (_, text) => {
    expect(parseKey(text)).toEqual({ ok: false, refusal: 'malformed' })
  })

  test('whatever text it is, and nothing throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(parseKey(text).ok).toBe(false)
      }),
    )
  })
})

test('no key is longer than the bound that is checked first, and the longest reaches it', () => {
  const lengths = KEY_PREFIXES.map((prefix) => generateKey(prefix, systemRandom).value.length)
  expect(Math.max(...lengths)).toBe(KEY_LENGTH_MAX)
})

test('the scanner finds every key in a text and nothing else', () => {
  const keys = KEY_PREFIXES.map((prefix) => generateKey(prefix, systemRandom).value)
  const text = `key="${keys.join('", next: "')}" sk_live_123 ${keys[0]}0 x${keys[1]} op_`
  expect([...text.matchAll(KEY_SCANNER)].map(([found]) => found)).toEqual(keys)
  expect(text.replace(KEY_SCANNER, '***')).not.toContain(`"${keys[2] ?? ''}"`)
  expect(KEY_SCANNER.lastIndex).toBe(0)
})

test('every type a person can name makes a key of its prefix', () => {
  for (const [type, prefix] of Object.entries<KeyPrefix>(KEY_TYPES)) {
    const parsed = parseKey(generateKey(prefix, systemRandom).value)
    expect(parsed).toMatchObject({ ok: true, value: { prefix } })
    expect(type === prefix || ['client-secret', 'mqtt-user'].includes(type)).toBe(true)
  }
})
