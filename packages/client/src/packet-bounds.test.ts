import { expect, test } from 'bun:test'
import { Buffer } from 'node:buffer'
import { generate } from 'mqtt-packet'
import fc from 'fast-check'
import { isMqttText, malformedPart, packetBytesMax } from './packet-bounds.ts'
import { propertiesOf } from './publish-options.ts'

test.each(['', 'a/+', '#', 'a\0b', '\ud800', 'x'.repeat(65_536), 'ü'.repeat(32_768)])(
  'the topic %j is none',
  (topic) => {
    expect(malformedPart(topic, {})).toBe('topic')
    expect(malformedPart('a', { responseTopic: topic })).toBe('responseTopic')
  },
)

test('each part of a message that no broker takes is named', () => {
  expect(malformedPart('a', { contentType: '\0' })).toBe('contentType')
  const correlationData = new Uint8Array(65_536)
  expect(malformedPart('a', { correlationData })).toBe('correlationData')
  for (const bad of [{ '\0': 'x' }, { a: '\udc00' }, { a: ['b', '\0'] }]) {
    expect(malformedPart('a', { userProperties: bad })).toBe('userProperties')
  }
  const good = { contentType: '', responseTopic: 'a', userProperties: { a: ['b', '😀'] } }
  expect(malformedPart('/ /😀', good)).toBeUndefined()
  expect([isMqttText(''), isMqttText(1)]).toEqual([true, false])
})

test('a packet is never longer than said, and hardly shorter', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 30 })
  const bytes = fc.uint8Array({ maxLength: 300 })
  // What is measured here joins its parts by a method of `Buffer`.
  const said = fc.record({
    contentType: text,
    responseTopic: text,
    correlationData: bytes.map((each) => Buffer.from(each)),
    userProperties: fc.dictionary(text, fc.oneof(text, fc.array(text, { maxLength: 3 }))),
  })
  fc.assert(
    fc.property(text, bytes, said, (name, payload, more) => {
      const topic = `t${name}`
      const properties = { ...propertiesOf(more, 'x'), messageExpiryInterval: 7 }
      const options = { qos: 1 as const, retain: false, properties }
      const message = { topic, payload, options, expirySeconds: 7 }
      const packet = { cmd: 'publish', messageId: 1, dup: false, topic, ...options } as const
      const sent = generate({ ...packet, payload: Buffer.from(payload) }, { protocolVersion: 5 })
      const spare = packetBytesMax(message) - sent.length
      expect(spare).toBeGreaterThanOrEqual(0)
      expect(spare).toBeLessThan(32)
    }),
  )
})
