import { describe, expect, test } from 'bun:test'
import { OrderedAcks, WAITING_ACK_COUNT_MAX } from './ordered-acks.ts'

function world() {
  const sent: string[] = []
  const lost: unknown[] = []
  let moreCount = 0
  const acks = new OrderedAcks({
    send: (frame) => void sent.push(frame),
    lessWaits: () => void moreCount++,
    notWritten: (error) => void lost.push(error),
  })
  const publish = (ack: string, durable?: Promise<void>) =>
    acks.add({ ack, failure: `${ack} failed`, durable })
  return { acks, sent, lost, publish, moreCount: () => moreCount }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('acknowledgements', () => {
  test('wait for nothing where there is nothing to wait for', () => {
    const { sent, publish, acks } = world()
    publish('one')
    expect(sent).toEqual(['one'])
    expect(acks.settled()).toBeUndefined()
  })

  test('keep their order, whichever is durable first', async () => {
    const { sent, publish } = world()
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    publish('one', first.promise)
    publish('two', second.promise)
    publish('three')
    second.resolve()
    await turn()
    expect(sent).toEqual([])
    first.resolve()
    await turn()
    expect(sent).toEqual(['one', 'two', 'three'])
  })

  test('of what was not written are errors in their place', async () => {
    const { sent, lost, publish, acks } = world()
    publish('one', Promise.reject(new Error('disk')))
    publish('two')
    await acks.settled()
    await turn()
    expect(sent).toEqual(['one failed', 'two'])
    expect(lost).toHaveLength(1)
  })

  test('hold the client back when too many wait, until few do', async () => {
    const { acks, publish, moreCount, sent } = world()
    const { promise, resolve } = Promise.withResolvers<void>()
    for (let count = 1; count <= WAITING_ACK_COUNT_MAX; count++) {
      expect(acks.isFull).toBe(false)
      publish(String(count), promise)
    }
    expect(acks.isFull).toBe(true)
    resolve()
    await turn()
    expect([acks.isFull, moreCount(), sent.length]).toEqual([false, 1, WAITING_ACK_COUNT_MAX])
  })

  test('are of nobody once the connection has ended', async () => {
    const { acks, publish, sent } = world()
    const { promise, resolve } = Promise.withResolvers<void>()
    publish('one', promise)
    acks.clear()
    resolve()
    await turn()
    expect(sent).toEqual([])
  })
})
