import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readShown, showsCredentials } from './shown-credentials.ts'

describe('what a query shows', () => {
  test.each([
    ['key=a', { key: 'a', token: undefined, clientId: undefined }],
    ['token=t&key=a', { key: 'a', token: 't', clientId: undefined }],
    ['key=a&clientId=b%20c&v=1', { key: 'a', token: undefined, clientId: 'b c' }],
    ['token=', { key: undefined, token: '', clientId: undefined }],
    ['', { key: undefined, token: undefined, clientId: undefined }],
  ])('%s', (query, value) => {
    expect(readShown(query)).toEqual({ ok: true, value })
  })

  test.each([
    ['two keys', 'key=a&key=b'],
    ['two tokens', 'token=a&token=b'],
    ['two names', 'key=a&clientId=a&clientId=b'],
    ['an empty name', 'key=a&clientId='],
    ['a name with a line break', 'key=a&clientId=a%0Ab'],
    ['a long name', `key=a&clientId=${'a'.repeat(201)}`],
    ['more than anybody shows', `token=${'a'.repeat(20_000)}`],
  ])('%s is not guessed at', (_what, query) => {
    expect(readShown(query)).toEqual({ ok: false, refusal: 'credential_invalid' })
  })

  test('is this protocol’s where a key or token is in it', () => {
    for (const query of ['key=', 'a=b&token=x', 'key=a']) expect(showsCredentials(query)).toBe(true)
    for (const query of ['', 'monkey=a', 'keys=a', 'a=key=b']) {
      expect(showsCredentials(query)).toBe(false)
    }
  })

  test('is read from any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webQueryParameters()), (query) => {
        expect(typeof readShown(query).ok).toBe('boolean')
      }),
    )
  })
})
