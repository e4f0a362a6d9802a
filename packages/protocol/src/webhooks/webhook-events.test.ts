import { expect, test } from 'bun:test'
import { findWebhookEvent, isOfferedIn, WEBHOOK_EVENTS } from './webhook-events.ts'

test('the seven events of the Pusher form have the names of the contract', () => {
  const names = WEBHOOK_EVENTS.flatMap(({ pusherName }) => pusherName ?? [])
  expect(names.toSorted()).toEqual([
    'cache_miss',
    'channel_occupied',
    'channel_vacated',
    'client_event',
    'member_added',
    'member_removed',
    'subscription_count',
  ])
})

test('what there is as much of as messages and connections is asked for by name', () => {
  const optIn = WEBHOOK_EVENTS.filter(({ isOptIn }) => isOptIn).map(({ type }) => type)
  expect(optIn.toSorted()).toEqual([
    'client_event',
    'connection.closed',
    'connection.opened',
    'message.published',
  ])
})

test('an endpoint of the Pusher form is offered what that form can say', () => {
  expect(isOfferedIn('pusher', 'channel.occupied')).toBe(true)
  expect(isOfferedIn('pusher', 'auth.failed')).toBe(false)
  expect(isOfferedIn('standard', 'auth.failed')).toBe(true)
  // A delivery that fails must not be the cause of the next one.
  expect(isOfferedIn('standard', 'webhook.failed')).toBe(false)
  expect(findWebhookEvent('toString')).toBeUndefined()
})
