import { describe, expect, test } from 'bun:test'
import { ClientError } from './client-error.ts'
import { FRUITLESS_COUNT_MAX, Outbound, type OutboundSettings, type Outgoing } from './outbound.ts'

function opened(settings: Partial<OutboundSettings> = {}) {
  const sent: { topic: string; done: (error?: ClientError) => void; message: Outgoing }[] = []
  const forgotten: string[] = []
  const state = { window: 0, nowMs: 0 }
  const outbound = new Outbound(
    {
      send: (message, done) => {
        sent.push({ topic: message.topic, done, message })
        return () => forgotten.push(message.topic)
      },
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
  return { outbound, sent, forgotten, state, publish, topics: () => sent.map(({ topic }) => topic) }
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
    outbound.down({ isLost: true })
    expect(await lost).toBe('taken')
    sent[0]?.done(new ClientError('connection_lost'))
    sent[1]?.done()
    expect(await kept).toBe('taken')
  })

  test('what no connection survives is given up, and not for tries that reach nobody', async () => {
    const { outbound, sent, forgotten, state, publish } = opened()
    state.window = 3
    const [good, bad, next] = [publish('good'), publish('bad'), publish('next')]
    const drops = (count: number) => {
      for (let at = 0; at < count; at += 1) outbound.down({ isLost: true })
    }
    drops(FRUITLESS_COUNT_MAX - 1)
    for (let at = 0; at < 40; at += 1) outbound.down({ isLost: false })
    sent[0]?.done()
    expect(await good).toBe('taken')
    drops(FRUITLESS_COUNT_MAX - 1)
    expect(forgotten).toEqual([])
    drops(1)
    expect([await bad, forgotten]).toEqual(['publish_refused', ['bad']])
    drops(FRUITLESS_COUNT_MAX - 1)
    sent[2]?.done()
    expect([await next, forgotten]).toEqual(['taken', ['bad']])
  })

  test('the end settles everything', async () => {
    const { outbound, state, publish } = opened()
    state.window = 1
    const all = [publish('sent'), publish('queued')]
    outbound.close(new ClientError('destroyed'))
    expect(await Promise.all(all)).toEqual(['destroyed', 'destroyed'])
  })
})
