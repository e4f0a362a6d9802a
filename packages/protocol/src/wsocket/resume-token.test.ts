import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import vectors from '../../../../test/vectors/wsocket.json'
import {
  decodeResumeToken,
  encodeResumeToken,
  RESUME_CHANNEL_COUNT_MAX,
  RESUME_TOKEN_LENGTH_MAX,
} from './resume-token.ts'

describe('a resume token', () => {
  test.each(vectors.resumeTokens)('is read: $name', (vector) => {
    const { channels, sinceMs, token } = vector
    const sessionId = 'sessionId' in vector ? vector.sessionId : undefined
    const value = { channels, sinceMs, sessionId }
    expect(decodeResumeToken(token)).toEqual({ ok: true, value })
  })

  test.each(vectors.refusedTokens)('says nothing: $name', ({ token }) => {
    expect(decodeResumeToken(token)).toMatchObject({ ok: false, refusal: 'resume_failed' })
  })

  test('is bounded in length and in channels', () => {
    const naming = (count: number) => {
      const channels = Array.from({ length: count }, (_, index) => `c${index}`)
      return btoa(JSON.stringify({ channels, lastTs: 1 }))
    }
    expect(decodeResumeToken(naming(RESUME_CHANNEL_COUNT_MAX)).ok).toBe(true)
    expect(decodeResumeToken(naming(RESUME_CHANNEL_COUNT_MAX + 1)).ok).toBe(false)
    const padded = `{"channels":[],"since":1${' '.repeat(RESUME_TOKEN_LENGTH_MAX)}}`
    expect(decodeResumeToken(btoa(padded)).ok).toBe(false)
  })

  test('that was made here is read as it was made', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9:_.@=,-]{1,40}$/)
    const made = fc.record({
      channels: fc.uniqueArray(name, { maxLength: 20 }),
      sinceMs: fc.nat(),
      sessionId: fc.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    })
    fc.assert(
      fc.property(made, (token) => {
        const text = encodeResumeToken(token)
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(decodeResumeToken(text)).toEqual({ ok: true, value: token })
      }),
    )
  })

  test.each([
    ['many', 5_000, 1],
    ['long', 1_000, 200],
  ])('that was made here can be read however %s its channels are', (_name, count, length) => {
    const channels = Array.from({ length: count }, (_none, index) => `${index}`.padEnd(length, 'x'))
    const text = encodeResumeToken({ channels, sinceMs: 1, sessionId: 'x'.repeat(22) })
    const read = decodeResumeToken(text)
    if (!read.ok) throw new Error(read.refusal)
    expect(read.value).toMatchObject({ sessionId: 'x'.repeat(22), hasMore: true })
    expect(read.value.channels).toEqual(channels.slice(0, read.value.channels.length))
    expect(read.value.channels.length).toBeGreaterThan(200)
  })

  test('of any text gives an answer', () => {
    const encoded = fc.oneof(fc.string(), fc.json()).map((text) => Buffer.from(text))
    const spelled = fc.tuple(encoded, fc.constantFrom('base64' as const, 'base64url' as const))
    const token = fc.oneof(
      fc.string({ unit: 'binary' }),
      spelled.map(([bytes, spelling]) => bytes.toString(spelling)),
    )
    fc.assert(
      fc.property(token, (text) => {
        expect(typeof decodeResumeToken(text).ok).toBe('boolean')
      }),
    )
  })
})
