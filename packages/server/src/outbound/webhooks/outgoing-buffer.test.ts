import { beforeEach, describe, expect, test } from 'bun:test'
import { webhookEndpoint } from '../../../../../test/support/webhook-endpoint.ts'
import { KeptWebhooks, queueOut } from '../../../../../test/support/webhook-outbox.ts'
import {
  ADD_COUNT_MAX,
  HELD_COUNT_MAX,
  HELD_UNITS_MAX,
  OutgoingBuffer,
  RETRY_MS,
} from './outgoing-buffer.ts'

const endpoint = webhookEndpoint()
const bodyOf = (body: string) => ({ endpoint, region: 'local', body, eventTypes: ['a'] })

let outbox: KeptWebhooks
let buffer: OutgoingBuffer
let time: { ms: number }
let lost: string[]
let failures: unknown[]
beforeEach(() => {
  outbox = new KeptWebhooks()
  time = { ms: 0 }
  lost = []
  failures = []
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const news = {
    failed: (error: unknown) => void failures.push(error),
    lost: (bodies: readonly { readonly body: string }[]) => {
      lost.push(...bodies.map(({ body }) => body))
    },
  }
  buffer = new OutgoingBuffer({ outbox, clock }, news)
})

const kept = () => outbox.all.map(({ body }) => body)

test('what waits is durable when the flush says so, and held until then', async () => {
  expect(buffer.flush()).toBeUndefined()
  buffer.put(bodyOf('1'))
  buffer.put(bodyOf('2'))
  const release = outbox.hold()
  const flushed = buffer.flush()
  expect(buffer.heldCount).toBe(2)
  expect(kept()).toEqual([])
  release()
  expect(await flushed).toBeUndefined()
  expect(kept()).toEqual(['1', '2'])
  expect(buffer.heldCount).toBe(0)
})

describe('while the queue is out', () => {
  test('bodies wait in their order, and are tried again after a while', async () => {
    const outage = queueOut()
    outbox.failure = outage
    buffer.put(bodyOf('1'))
    expect(await buffer.flush()).toBe(outage)
    buffer.put(bodyOf('2'))
    expect(await buffer.flush()).toBe(outage)
    expect(outbox.callCount).toBe(1)
    outbox.failure = undefined
    time.ms += RETRY_MS
    expect(await buffer.flush()).toBeUndefined()
    expect(kept()).toEqual(['1', '2'])
    expect(failures).toEqual([outage])
    expect(lost).toEqual([])
  })

  test('what was put in the meantime stands behind what failed', async () => {
    const release = outbox.hold()
    buffer.put(bodyOf('1'))
    const flushed = buffer.flush()
    buffer.put(bodyOf('2'))
    outbox.failure = queueOut()
    release()
    await flushed
    outbox.failure = undefined
    time.ms += RETRY_MS
    await buffer.flush()
    expect(kept()).toEqual(['1', '2'])
  })

  test('of many bodies those that were added are not added again', async () => {
    for (let index = 0; index < 2 * ADD_COUNT_MAX; index++) buffer.put(bodyOf(`${index}`))
    const flushed = buffer.flush()
    outbox.failure = undefined
    // The first part goes through; the second fails.
    const add = outbox.add.bind(outbox)
    outbox.add = async (part) => {
      outbox.failure = queueOut()
      return add(part)
    }
    await flushed
    outbox.failure = undefined
    outbox.add = add
    time.ms += RETRY_MS
    await buffer.flush()
    expect(kept()).toEqual(Array.from({ length: 2 * ADD_COUNT_MAX }, (_, index) => `${index}`))
  })

  /** As much of what there is for all as one tenant may have. */
  const OPEN_COUNT_MAX = (3 / 4) * HELD_COUNT_MAX

  test('there are at most so many, counted and in bytes; the rest is told as lost', async () => {
    outbox.failure = queueOut()
    for (let index = 0; index < OPEN_COUNT_MAX; index++) buffer.put(bodyOf('x'))
    await buffer.flush()
    expect(buffer.isFullFor('tenant')).toBe(true)
    buffer.put(bodyOf('one more'))
    expect(lost).toEqual(['one more'])
    expect(buffer.heldCount).toBe(OPEN_COUNT_MAX)
  })

  test('a few large ones fill it too', () => {
    const large = 'x'.repeat(HELD_UNITS_MAX / 4)
    for (let index = 0; index < 3; index++) buffer.put(bodyOf(large))
    buffer.put(bodyOf('one more'))
    expect(lost).toEqual(['one more'])
  })

  test('what one tenant tells at a time never costs another one its webhooks', async () => {
    const others = { ...bodyOf('of another'), endpoint: webhookEndpoint({ tenantId: 'other' }) }
    for (let index = 0; index < 2 * HELD_COUNT_MAX; index++) buffer.put(bodyOf('x'))
    expect(buffer.isFullFor('other')).toBe(false)
    buffer.put(others)
    expect(lost).not.toContain('of another')
    await buffer.flush()
    expect(kept()).toContain('of another')
  })
})

test('what the queue will never take is told as lost, and does not hold up the rest', async () => {
  outbox.failure = new TypeError('a bug')
  buffer.put(bodyOf('1'))
  expect(await buffer.flush()).toBeInstanceOf(TypeError)
  outbox.failure = undefined
  buffer.put(bodyOf('2'))
  expect(await buffer.flush()).toBeUndefined()
  expect(kept()).toEqual(['2'])
  expect(lost).toEqual(['1'])
})

test('at the end it is tried once more, and what does not go is told as lost', async () => {
  outbox.failure = queueOut()
  buffer.put(bodyOf('1'))
  await buffer.flush()
  await buffer.finish()
  expect(lost).toEqual(['1'])
  outbox.failure = undefined
  buffer.put(bodyOf('2'))
  await buffer.finish()
  expect(kept()).toEqual(['2'])
  expect(buffer.heldCount).toBe(0)
})
