import { expect, test } from 'bun:test'
import { type LiveEvent, LiveEvents, type LiveEventType } from './live-events.ts'

const occupied: LiveEvent = {
  type: 'channel.occupied',
  atMs: 1,
  tenantId: 't',
  appId: 'a',
  details: { channel: 'news' },
}

function listening(events: LiveEvents, wanted: readonly LiveEventType[]) {
  const heard: LiveEvent[] = []
  const stop = events.listen({
    wants: (type, appId) => appId === 'a' && wanted.includes(type),
    hear: (event) => void heard.push(event),
  })
  return { heard, stop }
}

test('each listener hears what it wants, until it stops', () => {
  const events = new LiveEvents()
  const one = listening(events, ['channel.occupied'])
  const other = listening(events, ['channel.vacated'])
  events.tell(occupied)
  one.stop()
  events.tell(occupied)
  expect(one.heard).toEqual([occupied])
  expect(other.heard).toEqual([])
})

test('nobody is asked to make an event that nobody wants', () => {
  const events = new LiveEvents()
  expect(events.isWanted('message.published', 'a')).toBe(false)
  const { stop } = listening(events, ['message.published'])
  expect(events.isWanted('message.published', 'a')).toBe(true)
  expect(events.isWanted('message.published', 'b')).toBe(false)
  stop()
  expect(events.isWanted('message.published', 'a')).toBe(false)
})
