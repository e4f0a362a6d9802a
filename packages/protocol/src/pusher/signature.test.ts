import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import {
  channelStringToSign,
  httpStringToSign,
  parseAuthString,
  parseSignedQuery,
  QUERY_PARAMETER_COUNT_MAX,
  userStringToSign,
} from './signature.ts'

const SECRET = '7ad3773142a6692b25b8'
const KEY = '278d425bdf160c739803'

describe('strings to sign', () => {
  test('of channels and users give the published digests', () => {
    const data = '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}'
    expect(hmac(channelStringToSign('1234.1234', 'private-foobar', undefined))).toBe(
      '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
    )
    expect(hmac(channelStringToSign('1234.1234', 'presence-foobar', data))).toBe(
      'afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c',
    )
    expect(hmac(userStringToSign('1234.1234', '{"id":"12345"}'))).toBe(
      '4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba',
    )
  })

  test('of an HTTP call give the published digest in any order of the parameters', () => {
    const parts = [
      `auth_key=${KEY}`,
      'auth_timestamp=1353088179',
      'auth_version=1.0',
      'body_md5=ec365a775a4cd0599faeb73354201b6f',
      'auth_signature=ffff',
    ]
    fc.assert(
      fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (shuffled) => {
        const query = parseSignedQuery(shuffled.join('&'))
        if (!query.ok) throw new Error(query.refusal)
        expect(hmac(httpStringToSign('POST', '/apps/3/events', query.value))).toBe(
          'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c',
        )
      }),
    )
  })
})

describe('parseSignedQuery', () => {
  test('reads names in lowercase and values decoded', () => {
    const query = parseSignedQuery('Info=user_count%2Ccache&empty=&bare&a=b=c')
    expect(query.ok && [...query.value]).toEqual([
      ['info', 'user_count,cache'],
      ['empty', ''],
      ['bare', ''],
      ['a', 'b=c'],
    ])
  })

  test.each(['a=1&a=2', 'a=1&A=2', 'a[]=1', 'a=1&%61=2', 'a%5B%5D=1'])(
    'refuses %s as repeated',
    (text) => {
      expect(parseSignedQuery(text)).toMatchObject({ refusal: 'query_repeated' })
    },
  )

  test.each(['a=%zz', '%=1', 'a=%ff', '=1', 'a=1&&b=2', 'a=1&'])(
    'refuses %s as malformed',
    (text) => {
      expect(parseSignedQuery(text)).toMatchObject({ refusal: 'query_malformed' })
    },
  )

  test('bounds the number of parameters', () => {
    const names = Array.from({ length: QUERY_PARAMETER_COUNT_MAX + 1 }, (_, index) => `a${index}=1`)
    expect(parseSignedQuery(names.join('&')).ok).toBe(false)
    expect(parseSignedQuery(names.slice(1).join('&')).ok).toBe(true)
  })

  test('never throws and never gives a name twice, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const query = parseSignedQuery(text)
        expect(query.ok || query.refusal.startsWith('query_')).toBe(true)
      }),
    )
  })
})

describe('parseAuthString', () => {
  const signature = 'a'.repeat(64)

  test('takes key and 64 lowercase hex digits, nothing shorter, longer or else', () => {
    expect(parseAuthString(`${KEY}:${signature}`)).toEqual({ key: KEY, signature })
    for (const bad of [
      '',
      ':',
      KEY,
      `:${signature}`,
      `${KEY}:`,
      `${KEY}:${signature}a`,
      `${KEY}:${signature.slice(1)}`,
      `${KEY}:${signature.toUpperCase()}`,
      `${KEY}:${signature}\n`,
      `${KEY}:x:${signature}`,
    ]) {
      expect(parseAuthString(bad)).toBeUndefined()
    }
  })
})

function hmac(text: string): string {
  return createHmac('sha256', SECRET).update(text).digest('hex')
}
