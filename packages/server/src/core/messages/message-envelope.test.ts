import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { decodeMessageEnvelope, encodeMessageEnvelope } from './message-envelope.ts'

const text = fc.string({ unit: 'grapheme' })
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const envelopes = fc.record({
  appId: text,
  isKept: fc.boolean(),
  message: fc.record({
    channel: text,
    id: text,
    data: fc.json({ maxDepth: 5 }),
    publisherId: text,
    timestampMs: count,
    sequence: count,
  }),
})

test('a message comes back from the bus as it was', () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      expect(decodeMessageEnvelope(encodeMessageEnvelope(envelope))).toEqual(envelope)
    }),
  )
})

test('whatever a hub would not have written is dropped, and nothing throws', () => {
  const message = {
    channel: 'a',
    id: 'x',
    data: '1',
    publisherId: '',
    timestampMs: 1,
    sequence: 1,
  }
  const envelope = { appId: 'app', message, isKept: true }
  expect(decodeMessageEnvelope(JSON.stringify(envelope))).toEqual(envelope)
  for (const wrong of [
    { ...envelope, appId: 1 },
    { ...envelope, isKept: 'yes' },
    { ...envelope, more: 1 },
    { ...envelope, message: undefined },
    ...Object.entries({
      ...{ channel: 1, id: null, data: '{', publisherId: 7, timestampMs: -1, sequence: 1.5 },
      more: true,
    }).map(([name, value]) => ({ ...envelope, message: { ...message, [name]: value } })),
    { ...envelope, message: { ...message, data: `${'['.repeat(100)}${']'.repeat(100)}` } },
  ]) {
    expect(decodeMessageEnvelope(JSON.stringify(wrong))).toBeUndefined()
  }
  fc.assert(fc.property(fc.string(), (payload) => void decodeMessageEnvelope(payload)))
})
