import { expect, test } from 'bun:test'
import { eventLine } from './event-line.ts'

const event = {
  id: 'a-1',
  type: 'auth.failed',
  at: '2027-01-02T03:04:05.678Z',
  tenantId: 't',
  appId: 'chat',
  details: { reason: 'unauthenticated', ip: '192.0.2.1', target: { kind: 'key', id: 'k1' } },
}

test('an event is one line: when, what, whose, and its details', () => {
  expect(eventLine(event)).toBe(
    '2027-01-02 03:04:05  auth.failed  app=chat  reason=unauthenticated  ip=192.0.2.1  target=key:k1',
  )
  const gap = { ...event, type: 'gap', appId: undefined, tenantId: undefined }
  expect(eventLine({ ...gap, details: { reason: 'restarted' } })).toBe(
    '2027-01-02 03:04:05  gap  reason=restarted',
  )
})

test('nothing in it ends the line, moves the cursor or looks like another detail', () => {
  const details = { channel: 'a b=c\n\u001b[2J"', event: '' }
  const line = eventLine({ ...event, details })
  expect(line).toEndWith(String.raw`channel="a b=c\n\u001b[2J\""  event=""`)
  expect(line).not.toMatch(/[\p{Cc}]/u)
})
