import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AUDIT_ACTIONS, type AuditAction, eventClassOf } from './actions.ts'
import type { AuditEntry } from './entry.ts'
import { ocsfEvent } from './ocsf.ts'

const ORIGIN = { database: 'local', version: '9.9.9' }
const AT_MS = 1_790_000_000_000

const ENTRY: AuditEntry = {
  atMs: AT_MS,
  tenantId: 'tenant',
  actor: { kind: 'operator', id: 'cred_1' },
  source: { ip: '192.0.2.1', agent: 'curl', protocol: 'admin' },
  action: 'secret.rotated',
  target: { kind: 'client_secret', id: 'cred_2', name: 'backend' },
  outcome: 'success',
}

function rowOf(entry: string) {
  return { tenantId: 'tenant', seq: 7, atMs: AT_MS, entry, hash: 'h', seal: 's' }
}

type Event = Record<string, unknown>
const eventOf = (changes: Partial<AuditEntry> = {}): Event =>
  ocsfEvent(rowOf(JSON.stringify({ ...ENTRY, ...changes })), ORIGIN)

describe('an event', () => {
  test('says who did what to what, when, from where, and which row it is', () => {
    expect(eventOf({ reason: 'a drill', requestId: 'request', after: { number: 2 } })).toEqual({
      activity_id: 3,
      category_uid: 3,
      class_uid: 3001,
      class_name: 'Account Change',
      type_uid: 300_103,
      severity_id: 1,
      time: AT_MS,
      status_id: 1,
      status_detail: 'a drill',
      message: 'secret.rotated',
      metadata: {
        version: '1.5.0',
        product: { name: 'Lockgate', vendor_name: 'Lockgate', version: '9.9.9' },
        uid: 'tenant/local/7',
        tenant_uid: 'tenant',
        event_code: 'secret.rotated',
        sequence: 7,
        correlation_uid: 'request',
      },
      actor: { user: { uid: 'cred_1', type: 'operator', type_id: 99 } },
      src_endpoint: { ip: '192.0.2.1' },
      http_request: { user_agent: 'curl' },
      user: { uid: 'cred_2', type: 'client_secret', type_id: 99, name: 'backend' },
      unmapped: {
        database: 'local',
        hash: 'h',
        outcome: 'success',
        protocol: 'admin',
        after: { number: 2 },
      },
    })
  })

  test('that stands for many says how many, from when until when', () => {
    const summed = { count: 40, untilMs: AT_MS + 500, outcome: 'denied' } as const
    expect(eventOf(summed)).toMatchObject({
      count: 40,
      start_time: AT_MS,
      end_time: AT_MS + 500,
      status_id: 2,
    })
    expect(eventOf()).not.toHaveProperty('count')
    expect(eventOf()).not.toHaveProperty('start_time')
  })

  test.each([
    ['success', 1],
    ['failure', 2],
    ['denied', 2],
  ] as const)('of the outcome %s has the status %d, and says which it was', (outcome, status) => {
    expect(eventOf({ outcome })).toMatchObject({ status_id: status, unmapped: { outcome } })
  })

  test('of somebody unknown, from nowhere, names the kind and leaves the rest out', () => {
    const event = eventOf({ actor: { kind: 'anonymous', id: '' }, source: undefined })
    expect(event['actor']).toEqual({ user: { uid: 'anonymous', type: 'anonymous', type_id: 99 } })
    expect(event).not.toHaveProperty('src_endpoint')
    expect(event).not.toHaveProperty('http_request')
  })
})

/** What each class requires beside the fields of every event, as of 1.5.0. */
const REQUIRED: Readonly<Record<number, readonly string[]>> = {
  3001: ['user'],
  3002: ['user'],
  3004: ['entity'],
  3005: ['user', 'privileges'],
  6003: ['api', 'actor', 'resources'],
}
const ACTIONS = Object.keys(AUDIT_ACTIONS) as AuditAction[]

test.each(ACTIONS)('%s is an event with everything its class requires', (action) => {
  const event = eventOf({ action, after: { role: 'admin' } })
  const { classUid, activityId } = eventClassOf(action)
  expect(event['type_uid']).toBe(classUid * 100 + activityId)
  expect(event['category_uid']).toBe(classUid === 6003 ? 6 : 3)
  expect(REQUIRED[classUid]).toBeDefined()
  for (const field of REQUIRED[classUid] ?? []) expect(event).toHaveProperty(field)
})

test('a row that was spoilt, or that a later version wrote, is exported all the same', () => {
  for (const text of ['', '{"action":', '[]', 'null', '{"actor":7,"target":[],"source":"x"}']) {
    const event = ocsfEvent(rowOf(text), ORIGIN)
    expect(event).toMatchObject({ class_uid: 6003, status_id: 2, metadata: { sequence: 7 } })
  }
  const later = ocsfEvent(rowOf(JSON.stringify({ ...ENTRY, action: 'moon.landed' })), ORIGIN)
  expect(later).toMatchObject({ class_uid: 6003, message: 'moon.landed' })
})

test('any JSON in place of a row is an event with its number, and one line of JSON', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const event = ocsfEvent(rowOf(text), ORIGIN)
      expect(event).toMatchObject({ time: AT_MS, metadata: { uid: 'tenant/local/7' } })
      expect(JSON.stringify(event)).not.toContain('\n')
    }),
  )
})
