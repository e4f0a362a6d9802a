import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { message, topicNames } from '../../../../../test/support/topic-world.ts'
import { decodeTopicEnvelope, encodeTopicEnvelope } from './topic-envelope.ts'

const bytes = fc.uint8Array({ maxLength: 40 })
const properties = fc.record(
  {
    payloadFormat: fc.constantFrom(0, 1),
    contentType: fc.string({ unit: 'grapheme' }),
    responseTopic: topicNames,
    correlationData: bytes,
    userProperties: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 }),
  },
  { requiredKeys: [] },
)
const messages = fc.record({
  topic: topicNames,
  payload: bytes,
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  properties,
  expiresAtMs: fc.option(fc.integer({ min: 0 }), { nil: undefined }),
  publisherId: fc.option(fc.string(), { nil: undefined }),
})

test('what one hub writes, another one reads as it was', () => {
  fc.assert(
    fc.property(fc.string(), messages, (appId, sent) => {
      const read = decodeTopicEnvelope(encodeTopicEnvelope({ appId, message: sent }))
      expect(read).toEqual({ appId, message: sent })
    }),
    { numRuns: 1_000 },
  )
})

describe('what no hub would have written is dropped', () => {
  const good = JSON.parse(encodeTopicEnvelope({ appId: 'a', message: message('t') }))
  const changed = (change: object) =>
    JSON.stringify({ ...good, message: { ...good.message, ...change } })
  const withProperties = (given: unknown) => changed({ properties: given })

  test('while the form these are made of is read', () => {
    expect(decodeTopicEnvelope(changed({}))?.message.topic).toBe('t')
  })

  test.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['no app', JSON.stringify({ message: good.message })],
    ['an app that is no text', JSON.stringify({ ...good, appId: 1 })],
    ['a field more', JSON.stringify({ ...good, more: 1 })],
    ['no message', JSON.stringify({ appId: 'a' })],
    ['a field more in the message', changed({ more: 1 })],
    ['a topic with a wildcard', changed({ topic: 'a/#' })],
    ['no topic', changed({ topic: '' })],
    ['a topic of 65,535 levels', changed({ topic: '/'.repeat(65_534) })],
    ['QoS 3', changed({ qos: 3 })],
    ['a QoS of text', changed({ qos: '1' })],
    ['a flag that is none', changed({ retain: 1 })],
    ['no payload', changed({ payload: undefined })],
    ['a payload that is no Base64', changed({ payload: '=' })],
    ['Base64 without its end', changed({ payload: 'eA' })],
    ['a time that is none', changed({ expiresAtMs: 'soon' })],
    ['a publisher that is none', changed({ publisherId: 7 })],
    ['no properties', changed({ properties: undefined })],
    ['a property more', withProperties({ topicAlias: 1 })],
    ['a payload format that is none', withProperties({ payloadFormat: 2 })],
    ['a content type that is no text', withProperties({ contentType: null })],
    ['a response topic with a wildcard', withProperties({ responseTopic: '+' })],
    ['correlation data that are no Base64', withProperties({ correlationData: '%' })],
    ['user properties that are no pairs', withProperties({ userProperties: [['a']] })],
    ['user properties that are no text', withProperties({ userProperties: [['a', 1]] })],
    ['what nests deeper', withProperties({ userProperties: [[[['a']]]] })],
  ])('%s', (_, payload) => expect(decodeTopicEnvelope(payload)).toBeUndefined())

  test('any text at all', () => {
    fc.assert(fc.property(fc.string(), (text) => decodeTopicEnvelope(text) === undefined))
    fc.assert(fc.property(fc.json(), (text) => decodeTopicEnvelope(text) === undefined))
  })
})
