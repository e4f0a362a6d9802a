import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { decodeClientFrame, JSON_DEPTH_MAX } from './codec.ts'
import * as frames from './frames.ts'

describe('decodeClientFrame', () => {
  test('takes the data of every pusher event as an object or as JSON text', () => {
    const data = { channel: 'private-a', auth: 'k:s', channel_data: '{}' }
    const rest = { channel: 'private-a', auth: 'k:s', channelData: '{}' }
    const expected = { kind: 'subscribe' as const, ...rest }
    for (const form of [data, JSON.stringify(data)]) {
      const decoded = decode({ event: 'pusher:subscribe', data: form })
      expect(decoded).toEqual({ ok: true, value: expected })
    }
  })

  test('keeps the JSON value of a client event as it is and nothing else of the frame', () => {
    const decoded = decode({
      event: 'client-move',
      channel: 'private-a',
      data: { x: [1, null] },
      user_id: 'forged',
    })
    expect(decoded).toEqual({
      ok: true,
      value: {
        kind: 'client_event',
        event: 'client-move',
        channel: 'private-a',
        data: '{"x":[1,null]}',
      },
    })
  })

  test.each([
    ['not JSON', '{', 'frame_malformed'],
    ['an array', '[]', 'frame_malformed'],
    ['null', 'null', 'frame_malformed'],
    ['no event', '{}', 'frame_malformed'],
    ['an event of another type', '{"event":1}', 'frame_malformed'],
    ['an event name of 201', `{"event":"${'x'.repeat(201)}"}`, 'frame_malformed'],
    ['subscribe without data', '{"event":"pusher:subscribe"}', 'frame_malformed'],
    [
      'a channel of another type',
      '{"event":"pusher:subscribe","data":{"channel":{}}}',
      'frame_malformed',
    ],
    [
      'an auth of another type',
      '{"event":"pusher:subscribe","data":{"channel":"a","auth":1}}',
      'frame_malformed',
    ],
    [
      'sign-in without user data',
      '{"event":"pusher:signin","data":{"auth":""}}',
      'frame_malformed',
    ],
    ['a client event without channel', '{"event":"client-a","data":1}', 'frame_malformed'],
    ['an unknown pusher event', '{"event":"pusher:other"}', 'event_unknown'],
    [
      'a name that only contains client-',
      '{"event":"my-client-a","channel":"private-a"}',
      'event_unknown',
    ],
    ['an internal event', '{"event":"pusher_internal:member_added"}', 'event_reserved'],
  ])('refuses %s', (_what, text, refusal) => {
    expect(decodeClientFrame(text)).toMatchObject({ ok: false, refusal })
  })

  test('refuses nesting beyond the bound, in the frame and in text inside it', () => {
    const deep = '['.repeat(JSON_DEPTH_MAX) + ']'.repeat(JSON_DEPTH_MAX)
    expect(decodeClientFrame(`{"event":"client-a","channel":"private-a","data":${deep}}`).ok).toBe(
      false,
    )
    const inner = JSON.stringify(`{"channel":"a","x":${deep}}`)
    expect(decodeClientFrame(`{"event":"pusher:subscribe","data":${inner}}`).ok).toBe(false)
  })

  test('gives a frame or a refusal for any text and any JSON, and never throws', () => {
    const event = fc.constantFrom(
      'pusher:subscribe',
      'pusher:unsubscribe',
      'pusher:signin',
      'pusher:ping',
      'client-a',
    )
    const shaped = fc.record({ event, data: fc.jsonValue(), channel: fc.jsonValue() })
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      shaped.map((v) => JSON.stringify(v)),
    )
    fc.assert(
      fc.property(any, (text) => {
        const decoded = decodeClientFrame(text)
        expect(decoded.ok ? decoded.value.kind : decoded.refusal).toBeString()
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('server frames', () => {
  test('carry data as a JSON string, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (data, event) => {
        expect(JSON.parse(frames.serverEvent('c', event, data))).toEqual({
          event,
          channel: 'c',
          data,
        })
      }),
    )
  })

  test('keep a client event to event, channel, data and the user id of the server', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.option(fc.string(), { nil: undefined }), (value, userId) => {
        const text = frames.clientEvent('c', 'client-a', { data: JSON.stringify(value), userId })
        const expected = {
          event: 'client-a',
          channel: 'c',
          data: JSON.parse(JSON.stringify(value)),
        }
        expect(JSON.parse(text)).toEqual(
          userId === undefined ? expected : { ...expected, user_id: userId },
        )
      }),
    )
  })

  test('list each member once and survive ids like __proto__', () => {
    const data = frames.presenceData([
      { userId: '__proto__', userInfo: { a: 1 } },
      { userId: 7, userInfo: undefined },
    ])
    expect(data).toBe(
      '{"presence":{"ids":["__proto__",7],"hash":{"7":null,"__proto__":{"a":1}},"count":2}}',
    )
  })

  test('open a connection with double-encoded data', () => {
    expect(frames.connectionEstablished('1.2', 120)).toBe(
      '{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.2\\",\\"activity_timeout\\":120}"}',
    )
  })
})

function decode(frame: unknown) {
  return decodeClientFrame(JSON.stringify(frame))
}
