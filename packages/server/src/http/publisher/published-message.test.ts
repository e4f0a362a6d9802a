import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { readMessage } from './published-message.ts'

const NOW_MS = 1_000_000
const read = (body: Record<string, unknown>, defaultQos: 0 | 1 = 1) =>
  readMessage(body, { defaultQos, nowMs: NOW_MS })

const textOf = (payload: Uint8Array) => new TextDecoder().decode(payload)

function taken(body: Record<string, unknown>, defaultQos?: 0 | 1) {
  const message = read({ topic: 'a/b', payload: 'x', ...body }, defaultQos)
  if (!message.ok) throw new Error(message.refusal)
  return message.value
}

describe('what is published', () => {
  test('is a text as its bytes, and anything else as its JSON text', () => {
    for (const [payload, text] of [
      ['häl"lo', 'häl"lo'],
      ['', ''],
      [{ b: 1, a: ['ü'] }, '{"b":1,"a":["ü"]}'],
      [[1, 2], '[1,2]'],
      [7, '7'],
      [false, 'false'],
    ] as const) {
      expect(textOf(taken({ payload }).payload)).toBe(text)
    }
  })

  test('has the defaults of its path, and is of no client', () => {
    expect(taken({})).toMatchObject({ qos: 1, retain: false, properties: {} })
    expect(taken({}, 0).qos).toBe(0)
    const { expiresAtMs, publisherId } = taken({})
    expect([expiresAtMs, publisherId]).toEqual([undefined, undefined])
    expect(taken({ qos: 2, retain: true }, 0)).toMatchObject({ qos: 2, retain: true })
  })

  test('passes on the properties of MQTT 5', () => {
    const message = taken({
      content_type: 'application/json',
      response_topic: 'answers/1',
      correlation_data: 'id-ü',
      user_properties: { b: '1', a: '2' },
      message_expiry: 5,
    })
    expect(message.expiresAtMs).toBe(NOW_MS + 5_000)
    expect(message.properties).toEqual({
      contentType: 'application/json',
      responseTopic: 'answers/1',
      correlationData: new TextEncoder().encode('id-ü'),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
      ],
    })
  })

  test('is told which field is wrong', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`p${at}`, '']))
    for (const [field, value] of [
      ['topic', undefined],
      ['topic', null],
      ['topic', ''],
      ['topic', 7],
      ['payload', undefined],
      ['payload', null],
      ['payload', '\ud800'],
      ['qos', 3],
      ['qos', '1'],
      ['qos', null],
      ['retain', 1],
      ['message_expiry', -1],
      ['message_expiry', 1.5],
      ['message_expiry', 2 ** 32],
      ['content_type', 7],
      ['content_type', 'a\0'],
      ['correlation_data', {}],
      ['response_topic', 'a/+'],
      ['user_properties', ['a']],
      ['user_properties', { a: 1 }],
      ['user_properties', many],
    ] as const) {
      const refused = read({ topic: 'a', payload: 'x', [field]: value })
      if (refused.ok) throw new Error(`${field} was taken`)
      expect(refused.refusal).toBe('request_malformed')
      expect(refused.detail).toStartWith(field)
    }
  })

  test('goes to no filter, no topic that MQTT has not, and none of the server', () => {
    for (const topic of [
      'a/+',
      '#',
      'a\0',
      '\ud800',
      'a'.repeat(65_536),
      'ü'.repeat(32_768),
      '/'.repeat(128),
      '$SYS/x',
      '$SYS',
      '$share/g/a',
    ]) {
      expect(read({ topic, payload: 'x' })).toMatchObject({ ok: false, refusal: 'topic_invalid' })
    }
    expect(taken({ topic: 'a'.repeat(65_535) }).topic).toHaveLength(65_535)
    expect(taken({ topic: '$spaces/one' }).topic).toBe('$spaces/one')
  })

  test('comes back from its bytes whatever JSON it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (payload) => {
        fc.pre(payload !== null && typeof payload !== 'string')
        const parsed: unknown = JSON.parse(textOf(taken({ payload }).payload))
        expect(parsed).toEqual(JSON.parse(JSON.stringify(payload)))
      }),
    )
  })
})
