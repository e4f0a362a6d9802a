import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  countingRandom,
  failed,
  filterOf,
  opened,
} from '../../../../../test/support/told-events.ts'
import type { LiveEvent } from '../../core/live-events.ts'
import type { EventFilter } from './event-filter.ts'
import { EventJournal } from './event-journal.ts'

function published(tenantId: string, data: string): LiveEvent {
  const details = { channel: 'c', event: 'e', data }
  return { type: 'message.published', atMs: 1, tenantId, appId: `app-${tenantId}`, details }
}

const reasonsIn = (journal: EventJournal, filter: EventFilter, afterSeq = 0) =>
  journal.readAfter(filter, afterSeq, 1_000).entries.map(({ event }) => reasonOf(event))

function reasonOf(event: LiveEvent): string {
  return event.type === 'auth.failed' ? event.details.reason : event.type
}

const open = (countMax = 1_000, laneCountMax = 100) =>
  new EventJournal(countingRandom(), { countMax, laneCountMax })

describe('what is kept', () => {
  test('is read in its order, from both ends, by tenant, app and type', () => {
    const journal = open()
    for (const event of [failed('a', '1'), failed('b', '2'), opened('a', 'x'), failed('a', '3')]) {
      journal.hear(event)
    }
    expect(reasonsIn(journal, filterOf())).toEqual(['1', '2', 'connection.opened', '3'])
    expect(reasonsIn(journal, filterOf({ tenantId: 'a' }))).toEqual(['1', 'connection.opened', '3'])
    expect(reasonsIn(journal, filterOf({ appId: 'app-b' }))).toEqual(['2'])
    const types = new Set(['connection.opened'] as const)
    expect(reasonsIn(journal, filterOf({ types }))).toEqual(['connection.opened'])
    const newest = journal.readBefore(filterOf({ tenantId: 'a' }), Infinity, 2)
    expect(newest.map(({ event }) => reasonOf(event))).toEqual(['3', 'connection.opened'])
  })

  test('a flood of one kind or tenant drops its own, and nothing of others', () => {
    const journal = open(1_000, 10)
    journal.hear(failed('a', 'first of a'))
    journal.hear(opened('b', 'x'))
    for (let count = 0; count < 500; count++) journal.hear(failed('b', String(count)))
    expect(reasonsIn(journal, filterOf({ tenantId: 'a' }))).toEqual(['first of a'])
    const ofB = reasonsIn(journal, filterOf({ tenantId: 'b' }))
    expect(ofB).toHaveLength(11)
    expect(ofB.slice(0, 2)).toEqual(['connection.opened', '490'])
  })

  test('many tenants together stay within the total, and the fullest gives way', () => {
    const journal = open(200, 100)
    journal.hear(failed('quiet', 'kept'))
    for (let tenant = 0; tenant < 10; tenant++) {
      for (let count = 0; count < 100; count++) journal.hear(failed(`t${tenant}`, 'x'))
    }
    expect(journal.count).toBeLessThanOrEqual(200)
    expect(reasonsIn(journal, filterOf({ tenantId: 'quiet' }))).toEqual(['kept'])
  })

  test('what a message says is not kept', () => {
    const journal = open()
    const filter = filterOf({ types: new Set(['message.published'] as const) })
    journal.interests.hold(filter, journal.lastSeq)
    journal.hear(published('a', 'a secret between friends'))
    expect(JSON.stringify(journal.readAfter(filter, 0, 10).entries)).not.toContain('secret')
  })
})

describe('events with a name of their own', () => {
  const filter = filterOf({ types: new Set(['message.published'] as const), tenantId: 'a' })

  test('are kept while somebody asks and a minute longer, of whom is asked for', () => {
    const journal = open()
    expect(journal.wants('message.published', 'app-a')).toBe(false)
    journal.hear(published('a', '1'))
    const release = journal.interests.hold(filter, journal.lastSeq)
    expect(journal.wants('message.published', 'app-a')).toBe(true)
    journal.hear(published('a', '2'))
    journal.hear(published('b', '3'))
    release?.(0)
    journal.interests.sweep(59_999)
    journal.hear(published('a', '4'))
    journal.interests.sweep(60_000)
    journal.hear(published('a', '5'))
    expect(journal.readAfter(filterOf({ types: filter.types }), 0, 10).entries).toHaveLength(2)
  })

  test('who goes on from a time when nobody asked is told so', () => {
    const journal = open()
    journal.hear(failed('a', '1'))
    const id = journal.idNow('a')
    expect(journal.find('a', id, filter).gap).toBe('not_kept')
    journal.interests.hold({ ...filter, tenantId: undefined }, journal.lastSeq)
    expect(journal.find('a', id, filter).gap).toBeUndefined()
  })
})

describe('going on after an id', () => {
  test('gives what came later, for the installation and for one tenant', () => {
    const journal = open()
    journal.hear(failed('b', '0'))
    for (const reason of ['1', '2', '3']) journal.hear(failed('a', reason))
    for (const scope of [undefined, 'a']) {
      const filter = filterOf({ tenantId: scope })
      const [, first] = journal.readAfter(filterOf(), 0, 10).entries
      if (first === undefined) throw new Error('nothing is there')
      const place = journal.find(scope, journal.idOf(scope, first), filter)
      expect(place.gap).toBeUndefined()
      expect(reasonsIn(journal, filter, place.afterSeq)).toEqual(['2', '3'])
    }
  })

  test('ids of one tenant do not tell how much others do', () => {
    const journal = open()
    journal.hear(failed('a', '1'))
    for (let count = 0; count < 50; count++) journal.hear(failed('b', 'x'))
    journal.hear(failed('a', '2'))
    expect(journal.idNow('a')).toEndWith('-2')
  })

  test('of another start, of another tenant or made up is a gap, and all that is kept follows', () => {
    const random = countingRandom()
    const bounds = { countMax: 100, laneCountMax: 100 }
    const [before, journal] = [new EventJournal(random, bounds), new EventJournal(random, bounds)]
    before.hear(failed('a', '1'))
    journal.hear(failed('a', '2'))
    journal.hear(failed('b', '3'))
    const ids = [before.idNow('a'), before.idNow(undefined), journal.idNow('b'), 'x', '', '-1']
    for (const id of [...ids, journal.idNow('a').replace(/\d+$/, '99')]) {
      expect(journal.find('a', id, filterOf())).toEqual({ afterSeq: 0, gap: 'restarted' })
    }
  })

  test('something that is dropped since is a gap, unless it was of a kind that is not asked for', () => {
    const journal = open(1_000, 5)
    journal.hear(failed('a', '1'))
    const id = journal.idNow('a')
    for (let count = 0; count < 20; count++) journal.hear(opened('a', String(count)))
    expect(journal.find('a', id, filterOf({ tenantId: 'a' })).gap).toBe('dropped')
    const types = new Set(['auth.failed'] as const)
    expect(journal.find('a', id, filterOf({ tenantId: 'a', types })).gap).toBeUndefined()
    expect(journal.find(undefined, journal.idNow(undefined), filterOf()).gap).toBeUndefined()
  })
})

test('model: a reader that goes on from any id has all that came after, or is told of a gap', () => {
  const step = fc.record({
    tenant: fc.constantFrom('a', 'b'),
    isFlood: fc.boolean(),
    count: fc.integer({ min: 1, max: 8 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(40), (steps, pick) => {
      const journal = open(25, 6)
      const told: { event: LiveEvent; id: string }[] = []
      for (const { tenant, isFlood, count } of steps) {
        for (let each = 0; each < count; each++) {
          const event = isFlood ? opened(tenant, String(each)) : failed(tenant, String(each))
          journal.hear(event)
          told.push({ event, id: journal.idNow(tenant) })
        }
      }
      const index = told.length === 0 ? -1 : pick % told.length
      const from = told[index]
      if (from === undefined) return
      const tenantId = from.event.tenantId
      const place = journal.find(tenantId, from.id, filterOf({ tenantId }))
      const { entries } = journal.readAfter(filterOf({ tenantId }), place.afterSeq, 1_000)
      const wanted = told.slice(index + 1).filter(({ event }) => event.tenantId === tenantId)
      const got = entries.map(({ event }) => event)
      if (place.gap === undefined) expect(got).toEqual(wanted.map(({ event }) => event))
      else expect(got.length).toBeLessThan(wanted.length)
      expect(journal.count).toBeLessThanOrEqual(25)
    }),
  )
})
