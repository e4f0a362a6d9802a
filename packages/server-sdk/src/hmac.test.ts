import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { SECRET_COUNT_MAX, signHmac, verifyHmac } from './hmac.ts'

const secret = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 })
const content = fc.string({ unit: 'binary', maxLength: 200 })

test('the signature is that of node:crypto for any secret and text', async () => {
  await fc.assert(
    fc.asyncProperty(secret, content, async (key, text) => {
      const wanted = createHmac('sha256', Buffer.from(new TextEncoder().encode(key)))
      wanted.update(new TextEncoder().encode(text))
      expect(await signHmac(key, text)).toBe(wanted.digest('hex'))
    }),
  )
})

test('bytes are signed as they are', async () => {
  const bytes = Uint8Array.of(0, 255, 128, 10)
  const wanted = createHmac('sha256', 's').update(bytes).digest('hex')
  expect(await signHmac('s', bytes)).toBe(wanted)
  expect(await signHmac('s', Buffer.concat([Buffer.of(9), bytes]).subarray(1))).toBe(wanted)
})

test('a signature of any of the secrets holds, of no other', async () => {
  const secrets = ['newest', 'older']
  for (const each of secrets) {
    const signature = await signHmac(each, 'body')
    expect(await verifyHmac(secrets, { content: 'body', signature })).toBe(true)
    expect(await verifyHmac(secrets, { content: 'body!', signature })).toBe(false)
    expect(await verifyHmac(['third'], { content: 'body', signature })).toBe(false)
    const upper = signature.toUpperCase()
    expect(await verifyHmac(secrets, { content: 'body', signature: upper })).toBe(false)
  }
})

test('no secret, no signature and an endless list of secrets hold nothing', async () => {
  const signature = await signHmac('last', 'body')
  expect(await verifyHmac([], { content: 'body', signature })).toBe(false)
  expect(await verifyHmac(['last'], { content: 'body', signature: '' })).toBe(false)
  const many = [...Array.from({ length: SECRET_COUNT_MAX }, (_, index) => `s${index}`), 'last']
  expect(await verifyHmac(many, { content: 'body', signature })).toBe(false)
})

test('an empty secret is refused rather than used', async () => {
  const signed = { content: 'body', signature: '0'.repeat(64) }
  for (const attempt of [signHmac('', 'body'), verifyHmac([''], signed)]) {
    const failure: unknown = await attempt.catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TypeError)
  }
})
