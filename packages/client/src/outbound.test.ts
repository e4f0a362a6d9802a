import { describe, expect, test } from 'bun:test'
import { ClientError } from './client-error.ts'
import { Outbound, type OutboundSettings, type Outgoing } from './outbound.ts'

function opened(settings: Partial<OutboundSettings> = {}) {
  const sent: { topic: string; done: (error?: ClientError) => void; message: Outgoing }[] = []
  const state = { window: 0, nowMs: 0 }
  const outbound = new Outbound(
    {
      send: (message, done) => void sent.push({ topic: message.topic, done, message }),
      window: () => state.window,
      nowMs: () => state.nowMs,
    },
    { queueCountMax: 3, queueDrops: 'oldest', ...settings },
  )
  const publish = (topic: string, qos: 0 | 1 | 2 = 1, expirySeconds?: number) =>
    outbound.publish({ topic, payload: new Uint8Array(), options: { qos }, expirySeconds }).then(
      () => 'taken',
      (error: ClientError) => error.code,
    )
  return { outbound, sent, state, publish, topics: () => sent.map(({ topic }) => topic) }
}

describe('without a connection', () => {
  test('messages wait in order, and go in order', async () => {
    const { outbound, sent, state, publish, topics } = opened()
    const all = ['a', 'b', 'c'].map((topic) => publish(topic))
    expect([outbound.queuedCount, topics()]).toEqual([3, []])
    state.window = 10
    outbound.flush()
    expect(topics()).toEqual(['a', 'b', 'c'])
    for (const { done } of sent) done()
    expect(await Promise.all(all)).toEqual(['taken', 'taken', 'taken'])
  })

  test('a full queue drops the oldest or the newest, and says so', async () => {
    for (const [queueDrops, dropped] of [
      ['oldest', 0],
      ['newest', 3],
    ] as const) {
      const { outbound, publish } = opened({ queueDrops })
      const all = ['a', 'b', 'c', 'd'].map((topic) => publish(topic))
      expect(await all[dropped]).toBe('queue_full')
      expect(outbound.queuedCount).toBe(3)
    }
  })

  test('time in the queue counts for the expiry', async () => {
    const { outbound, sent, state, publish } = opened()
    const gone = publish('gone', 1, 5)
    void publish('left', 1, 60)
    state.nowMs = 10_000
    state.window = 10
    outbound.flush()
    expect(await gone).toBe('message_expired')
    expect(sent.map(({ message }) => message.options.properties)).toEqual([
      { messageExpiryInterval: 50 },
    ])
  })
})

describe('with a connection', () => {
  test('no more are on their way than the window takes', () => {
    const { sent, state, publish, topics } = opened()
    state.window = 2
    for (const topic of ['a', 'b', 'c']) void publish(topic)
    expect(topics()).toEqual(['a', 'b'])
    sent[0]?.done()
    expect(topics()).toEqual(['a', 'b', 'c'])
  })

  test('a refusal is that of its message alone', async () => {
    const { sent, state, publish } = opened()
    state.window = 2
    const all = [publish('a'), publish('b')]
    sent[0]?.done(new ClientError('not_authorized'))
    sent[1]?.done()
    expect(await Promise.all(all)).toEqual(['not_authorized', 'taken'])
  })

  test('a drop settles what has QoS 0, and keeps what will be sent again', async () => {
    const { outbound, sent, state, publish } = opened()
    state.window = 2
    const lost = publish('lost', 0)
    const kept = publish('kept', 1)
    outbound.down()
    expect(await lost).toBe('taken')
    sent[0]?.done(new ClientError('connection_lost'))
    sent[1]?.done()
    expect(await kept).toBe('taken')
  })

  test('the end settles everything', async () => {
    const { outbound, state, publish } = opened()
    state.window = 1
    const all = [publish('sent'), publish('queued')]
    outbound.close(new ClientError('destroyed'))
    expect(await Promise.all(all)).toEqual(['destroyed', 'destroyed'])
  })
})
