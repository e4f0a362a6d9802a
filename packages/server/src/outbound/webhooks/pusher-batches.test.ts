import { expect, test } from 'bun:test'
import { webhookEndpoint } from '../../../../../test/support/webhook-endpoint.ts'
import type { OutgoingWebhook } from './outgoing.ts'
import { BATCH_EVENT_COUNT_MAX, BATCH_BYTES_MAX, PusherBatches } from './pusher-batches.ts'

const one = { endpoint: webhookEndpoint({ id: 'whe_1', format: 'pusher' }), region: 'local' }
const other = { endpoint: webhookEndpoint({ id: 'whe_2', format: 'pusher' }), region: 'local' }

function batching() {
  const made: OutgoingWebhook[] = []
  const batches = new PusherBatches((outgoing) => void made.push(outgoing))
  return { batches, take: () => made.splice(0) }
}

const countOf = ({ body }: OutgoingWebhook) => JSON.parse(body).events.length

test('events of one turn are one body for each endpoint, in their order', () => {
  const { batches, take } = batching()
  batches.add(one, { type: 'a', text: '{"n":1}' }, 5)
  batches.add(other, { type: 'a', text: '{"n":1}' }, 5)
  batches.add(one, { type: 'b', text: '{"n":2}' }, 5)
  batches.add(one, { type: 'b', text: '{"n":3}' }, 5)
  expect(take()).toEqual([])
  batches.flush(6)
  expect(take()).toEqual([
    {
      ...one,
      body: '{"time_ms":6,"events":[{"n":1},{"n":2},{"n":3}]}',
      eventTypes: ['a', 'b'],
    },
    { ...other, body: '{"time_ms":6,"events":[{"n":1}]}', eventTypes: ['a'] },
  ])
  batches.flush(7)
  expect(take()).toEqual([])
})

test('a body holds a hundred at the most', () => {
  const { batches, take } = batching()
  for (let index = 0; index < 2 * BATCH_EVENT_COUNT_MAX + 1; index++) {
    batches.add(one, { type: 'a', text: `{"n":${index}}` }, 5)
  }
  batches.flush(5)
  expect(take().map(countOf)).toEqual([BATCH_EVENT_COUNT_MAX, BATCH_EVENT_COUNT_MAX, 1])
})

test('a body holds its bytes at the most, and one event that is longer goes alone', () => {
  const { batches, take } = batching()
  const half = JSON.stringify('ä'.repeat(BATCH_BYTES_MAX / 4))
  const long = JSON.stringify('x'.repeat(BATCH_BYTES_MAX))
  for (const text of ['1', half, half, long, '2']) batches.add(one, { type: 'a', text }, 5)
  batches.flush(5)
  expect(take().map(countOf)).toEqual([2, 1, 1, 1])
})
