import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import Pusher from 'pusher'
import vectors from '../../../../test/vectors/webhooks.json'
import {
  parsePusherWebhook,
  PUSHER_WEBHOOK_CONTENT_TYPE,
  PUSHER_WEBHOOK_HEADERS,
  type PusherWebhookEvent,
  pusherEventText,
  pusherWebhookBody,
} from './pusher.ts'

/** One of each, with the fields of the contract and no other. */
const EVENTS: readonly PusherWebhookEvent[] = [
  { name: 'channel_occupied', channel: 'news' },
  { name: 'channel_vacated', channel: 'news' },
  { name: 'member_added', channel: 'presence-a', user_id: '7' },
  { name: 'member_removed', channel: 'presence-a', user_id: '7' },
  {
    name: 'client_event',
    channel: 'presence-a',
    event: 'client-x',
    data: '{"a":1}',
    socket_id: '1.2',
    user_id: '7',
  },
  { name: 'cache_miss', channel: 'cache-a' },
  { name: 'subscription_count', channel: 'news', subscription_count: 3 },
]

describe('a body', () => {
  test('is signed and read by npm pusher as its own, of the exact content type', () => {
    const [vector] = vectors.pusher
    if (vector === undefined) throw new Error('no vector')
    const { key, secret, body, signature } = vector
    expect(createHmac('sha256', secret).update(body).digest('hex')).toBe(signature)
    const oracle = new Pusher({ appId: '1', key, secret, cluster: 'x' })
    const headers = {
      [PUSHER_WEBHOOK_HEADERS.key]: key,
      [PUSHER_WEBHOOK_HEADERS.signature]: signature,
      'content-type': PUSHER_WEBHOOK_CONTENT_TYPE,
    }
    expect(oracle.webhook({ headers, rawBody: body }).isValid()).toBe(true)
    expect(oracle.webhook({ headers, rawBody: body }).getTime().getTime()).toBe(1327078148132)
    expect(oracle.webhook({ headers, rawBody: `${body} ` }).isValid()).toBe(false)
  })

  test('is an object with the time and the events in their order', () => {
    const body = pusherWebhookBody(5, EVENTS.map(pusherEventText))
    expect(JSON.parse(body)).toEqual({ time_ms: 5, events: EVENTS })
    expect(parsePusherWebhook(body)).toEqual({ ok: true, value: { timeMs: 5, events: EVENTS } })
    expect(pusherWebhookBody(5, [])).toBe('{"time_ms":5,"events":[]}')
  })

  test('that is none is refused, whatever it is', () => {
    for (const body of [
      '',
      '[]',
      '{}',
      '{"time_ms":"1","events":[]}',
      '{"time_ms":1,"events":[1]}',
    ])
      expect(parsePusherWebhook(body)).toMatchObject({ refusal: 'body_malformed' })
    fc.assert(fc.property(fc.string(), (text) => void parsePusherWebhook(text)))
  })
})
