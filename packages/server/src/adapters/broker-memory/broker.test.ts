import { expect, test } from 'bun:test'
import { testBrokerContract } from '../../../../../test/contract/broker.ts'
import { until } from '../../../../../test/support/wait.ts'
import { BROKER_PAYLOAD_BYTES_MAX } from '../../ports/broker.ts'
import { Outage } from '../../ports/outage.ts'
import { createMemoryBus, INBOX_BYTES_MAX, INBOX_COUNT_MAX } from './broker.ts'

testBrokerContract('the memory broker', async () => {
  const errors: unknown[] = []
  const bus = createMemoryBus({ onError: (error) => errors.push(error) })
  return { connect: async () => bus.connect(), settle: async () => {}, errors: () => errors }
})

test.each([
  ['payloads', INBOX_COUNT_MAX, 'x'],
  ['bytes', INBOX_BYTES_MAX / BROKER_PAYLOAD_BYTES_MAX, 'x'.repeat(BROKER_PAYLOAD_BYTES_MAX)],
])('a publish beyond the bound of %s throws and reaches nobody', async (_, fits, payload) => {
  const bus = createMemoryBus()
  const [sender, slow, fresh] = [bus.connect(), bus.connect(), bus.connect()]
  const counts = { slow: 0, fresh: 0 }
  slow.subscribe('topic', () => counts.slow++)
  for (let number = 0; number < fits; number++) sender.publish('topic', payload)
  fresh.subscribe('topic', () => counts.fresh++)
  expect(() => sender.publish('topic', payload)).toThrow(Outage)
  await until('the inbox to drain', () => counts.slow >= fits)
  sender.publish('topic', payload)
  await until('a publish after the drain', () => counts.fresh > 0)
  expect(counts).toEqual({ slow: fits + 1, fresh: 1 })
})

test('a full inbox is handled in slices, so timers and sockets get their turn', async () => {
  const bus = createMemoryBus()
  const [sender, receiver] = [bus.connect(), bus.connect()]
  const handled = { count: 0 }
  receiver.subscribe('topic', () => handled.count++)
  for (let number = 0; number < INBOX_COUNT_MAX; number++) sender.publish('topic', 'x')
  const countsSeen = new Set<number>()
  while (handled.count < INBOX_COUNT_MAX) {
    await new Promise(setImmediate)
    countsSeen.add(handled.count)
  }
  expect(countsSeen.size).toBeGreaterThan(10)
})

test('a payload is not handed to a subscription made after its publish', async () => {
  const bus = createMemoryBus()
  const [sender, receiver] = [bus.connect(), bus.connect()]
  const heard: string[] = []
  receiver.subscribe('topic', (payload) => heard.push(`early ${payload}`))
  sender.publish('topic', 'one')
  receiver.subscribe('topic', (payload) => heard.push(`late ${payload}`))
  sender.publish('topic', 'two')
  await until('all payloads', () => heard.length === 3)
  expect(heard).toEqual(['early one', 'early two', 'late two'])
})

test('where no other node is subscribed, nobody listens', () => {
  const bus = createMemoryBus()
  const [sender, other] = [bus.connect(), bus.connect()]
  sender.subscribe('topic', () => {})
  expect(sender.hasListeners('topic')).toBe(false)
  const end = other.subscribe('topic', () => {})
  expect(sender.hasListeners('topic')).toBe(true)
  expect(sender.hasListeners('another')).toBe(false)
  end()
  expect(sender.hasListeners('topic')).toBe(false)
})
