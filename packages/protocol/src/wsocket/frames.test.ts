import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import * as frames from './frames.ts'

const message = {
  channel: 'chat:1',
  id: 'm1',
  data: '{"text":"hi"}',
  publisherId: 'ann',
  timestampMs: 17,
  sequence: 3,
}
const wire = {
  channel: 'chat:1',
  id: 'm1',
  data: { text: 'hi' },
  publisherId: 'ann',
  timestamp: 17,
  sequence: 3,
}

describe('what both families read', () => {
  test('a message', () => {
    expect(read(frames.messageFrame(message))).toEqual({ action: 'message', ...wire })
  })

  test('subscriptions, acknowledgements and pongs', () => {
    expect(read(frames.subscribedFrame('c'))).toEqual({ action: 'subscribed', channel: 'c' })
    expect(read(frames.unsubscribedFrame('c'))).toEqual({ action: 'unsubscribed', channel: 'c' })
    expect(read(frames.publishAckFrame('m"1', message))).toEqual({
      action: 'ack',
      id: 'm"1',
      channel: 'chat:1',
      timestamp: 17,
    })
    expect(read(frames.PONG)).toEqual({ action: 'pong' })
  })

  test('an error says only what is known, and the text exactly', () => {
    const limited = { error: 'Rate limit exceeded', code: 'rate_limited' }
    expect(read(frames.errorFrame({ ...limited, channel: undefined, id: undefined }))).toEqual({
      action: 'error',
      ...limited,
    })
    const told = { ...limited, channel: 'c', id: 'm1', tier: 'user', retryAfter: 2 }
    expect(read(frames.errorFrame(told))).toEqual({ action: 'error', ...told })
  })

  test('a change of presence: the member in data, and at the top with its state', () => {
    const member = { clientId: 'ann', data: '{"name":"Ann"}', joinedAtMs: 5 }
    const own = { clientId: 'ann', joinedAt: 5 }
    expect(read(frames.presenceFrame('presence.enter', 'c', member))).toEqual({
      action: 'presence.enter',
      channel: 'c',
      ...own,
      data: { ...own, data: { name: 'Ann' }, name: 'Ann' },
    })
  })

  test('a state whose names are those of the frame stays whole in the member', () => {
    const data = '{"clientId":"mallory","name":"Ann","data":{"x":1},"jo\\u0069nedAt":9}'
    const frame = read(
      frames.presenceFrame('presence.update', 'c', { clientId: 'ann', data, joinedAtMs: 5 }),
    )
    const state = { clientId: 'mallory', name: 'Ann', data: { x: 1 }, joinedAt: 9 }
    expect(frame).toMatchObject({ clientId: 'ann', joinedAt: 5 })
    expect(frame['data']).toEqual({ clientId: 'ann', joinedAt: 5, data: state, name: 'Ann' })
  })

  test('no state is an empty one, never null', () => {
    const member = { clientId: 'ann', data: undefined, joinedAtMs: 5 }
    expect(read(frames.presenceFrame('presence.leave', 'c', member))['data']).toEqual({
      clientId: 'ann',
      joinedAt: 5,
      data: {},
    })
    expect(read(frames.membersFrame('c', [member]))['members']).toEqual([
      { clientId: 'ann', joinedAt: 5, data: {} },
    ])
  })

  test('members in both places, also where nobody is', () => {
    expect(read(frames.membersFrame('c', []))).toEqual({
      action: 'presence.members',
      channel: 'c',
      members: [],
      data: [],
    })
  })

  test('a page of history in both places, with all six members of each message', () => {
    const page = { channel: 'chat:1', messages: [wire], hasMore: true }
    const told = frames.historyFrame({ channel: 'chat:1', messages: [message], hasMore: true })
    expect(read(told)).toEqual({ action: 'history', ...page, data: page })
  })

  test('what a resume gave back, with a token where the server makes one', () => {
    const ack = { recovered: false, channels: ['a'], resumeToken: undefined }
    const data = { recovered: false, channels: ['a'] }
    const frame = { action: 'ack', id: 'resume', channel: '' }
    expect(read(frames.resumeAckFrame(ack))).toEqual({ ...frame, data })
    expect(read(frames.resumeAckFrame({ ...ack, resumeToken: 't' }))).toEqual({
      ...frame,
      data: { ...data, resumeToken: 't' },
    })
    expect(read(frames.resumeTokenFrame('t'))).toEqual({ ...frame, data: { resumeToken: 't' } })
  })
})

describe('whatever was published', () => {
  test('makes one JSON object with the names and types SDKs read', () => {
    const text = fc.string({ unit: 'binary' })
    const any = fc.record({
      channel: text,
      id: text,
      data: fc.json(),
      publisherId: text,
      timestampMs: fc.nat(),
      sequence: fc.nat(),
    })
    fc.assert(
      fc.property(any, (each) => {
        const { timestampMs: timestamp, data, ...rest } = each
        const expected = { ...rest, timestamp, data: JSON.parse(data) }
        // Text that is no Unicode comes back as it went.
        expect(read(frames.messageFrame(each))).toEqual({ action: 'message', ...expected })
        const page = read(frames.historyFrame({ channel: 'c', messages: [each], hasMore: false }))
        expect(page['messages']).toEqual([expected])
      }),
    )
  })

  test('any state of a member stays what it is, and nothing takes the names of the frame', () => {
    const state = fc.dictionary(
      fc.oneof(fc.constantFrom('clientId', 'joinedAt', 'data', '__proto__', 'a"b'), fc.string()),
      fc.jsonValue(),
      { maxKeys: 5, noNullPrototype: true },
    )
    fc.assert(
      fc.property(state, fc.constantFrom(undefined, 2), (members, indent) => {
        const data = JSON.stringify(members, undefined, indent)
        const member = { clientId: 'ann', data, joinedAtMs: 5 }
        const told = read(frames.presenceFrame('presence.enter', 'c', member))['data'] as object
        const rest = { ...JSON.parse(data), clientId: 'ann', joinedAt: 5, data: JSON.parse(data) }
        expect(new Map(Object.entries(told))).toEqual(new Map(Object.entries(rest)))
      }),
    )
  })
})

function read(text: string): Record<string, unknown> {
  return JSON.parse(text)
}
