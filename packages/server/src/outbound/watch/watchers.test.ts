import { beforeEach, describe, expect, test } from 'bun:test'
import {
  countingRandom,
  failed,
  filterOf,
  opened,
} from '../../../../../test/support/told-events.ts'
import { EventJournal } from './event-journal.ts'
import type { Watcher, WatchRequest, WatchStep } from './watcher.ts'
import {
  HEARTBEAT_MS,
  TENANT_WATCHER_COUNT_MAX,
  TENANTS_WATCHER_COUNT_MAX,
  WATCHER_COUNT_MAX,
  Watchers,
} from './watchers.ts'

let nowMs: number
let journal: EventJournal
let watchers: Watchers
beforeEach(() => {
  nowMs = 0
  journal = new EventJournal(countingRandom(), { countMax: 100, laneCountMax: 20 })
  watchers = new Watchers(journal, { monotonicMs: () => nowMs })
})

function open(request: Partial<WatchRequest> = {}): Watcher {
  const whole = { filter: filterOf(), scope: undefined, after: undefined, holds: () => true }
  const watcher = watchers.open({ ...whole, ...request })
  if (!watcher.ok) throw new Error(watcher.refusal)
  return watcher.value
}

const kinds = (steps: readonly WatchStep[] | undefined) => steps?.map(textOf)

function textOf(step: WatchStep): string {
  if (step.kind === 'gap' || step.kind === 'end') return `${step.kind} ${step.reason}`
  if (step.kind === 'beat') return 'beat'
  const { event } = step.entry
  return event.type === 'auth.failed' ? event.details.reason : event.type
}

test('a watcher is told first where it is, then what happens, while it waits', async () => {
  journal.hear(failed('a', 'before'))
  const watcher = open()
  expect(kinds(await watcher.next())).toEqual(['beat'])
  const next = watcher.next()
  journal.hear(failed('a', '1'))
  expect(kinds(await next)).toEqual(['1'])
  journal.hear(failed('a', '2'))
  journal.hear(failed('b', '3'))
  expect(kinds(await watcher.next())).toEqual(['2', '3'])
})

test('it goes on after the id of any step, also of a sign of life and of a gap', async () => {
  journal.hear(failed('a', '0'))
  const [beat] = (await open().next()) ?? []
  for (const reason of ['1', '2']) journal.hear(failed('a', reason))
  expect(kinds(await open({ after: idOf(beat) }).next())).toEqual(['1', '2', 'beat'])
  for (let count = 0; count < 30; count++) journal.hear(failed('a', String(count)))
  const steps = (await open({ after: idOf(beat) }).next()) ?? []
  expect(kinds(steps)?.slice(0, 2)).toEqual(['gap dropped', '10'])
  const again = await open({ after: idOf(steps[0]) }).next()
  expect(kinds(again)?.[0]).toBe('10')
})

test('one who does not read costs no memory and is told what it missed', async () => {
  const watcher = open()
  await watcher.next()
  for (let count = 0; count < 500; count++) journal.hear(failed('a', String(count)))
  expect(journal.count).toBe(20)
  const steps = await watcher.next()
  expect(kinds(steps)).toEqual([
    'gap dropped',
    ...Array.from({ length: 20 }, (_, count) => String(480 + count)),
  ])
  const next = watcher.next()
  journal.hear(failed('a', 'now'))
  expect(kinds(await next)).toEqual(['now'])
})

test('what others do, and is dropped, is no gap for one who waits for something else', async () => {
  const watcher = open({ filter: filterOf({ appId: 'app-a' }) })
  await watcher.next()
  const next = watcher.next()
  for (let count = 0; count < 100; count++) journal.hear(opened('b', String(count)))
  journal.hear(failed('a', 'mine'))
  expect(kinds(await next)).toEqual(['mine'])
})

test('a tenant sees its own and no other, and none of the installation', async () => {
  const watcher = open({ filter: filterOf({ tenantId: 'a' }), scope: 'a' })
  await watcher.next()
  for (const event of [failed('b', 'b'), failed(undefined, 'nobody'), failed('a', 'a')]) {
    journal.hear(event)
  }
  expect(kinds(await watcher.next())).toEqual(['a'])
})

test('a sign of life comes every few seconds, and moves the place to go on from', async () => {
  const watcher = open({ filter: filterOf({ tenantId: 'a' }) })
  watchers.tick()
  await watcher.next()
  journal.hear(failed('b', 'x'))
  let beaten: readonly WatchStep[] | undefined
  const next = watcher.next().then((steps) => {
    beaten = steps
  })
  nowMs = HEARTBEAT_MS - 1
  watchers.tick()
  await Promise.resolve()
  expect(beaten).toBeUndefined()
  nowMs = HEARTBEAT_MS
  watchers.tick()
  await next
  expect(kinds(beaten)).toEqual(['beat'])
  expect(idOf(beaten?.[0])).toBe(journal.idNow(undefined))
})

describe('the end', () => {
  test('of a key is the end of what came by it: nothing that happens later is given out', async () => {
    let isValid = true
    const [watcher, other] = [open({ holds: () => isValid }), open()]
    await watcher.next()
    await other.next()
    const next = watcher.next()
    isValid = false
    watchers.check()
    journal.hear(failed('a', 'later'))
    expect(kinds(await next)).toEqual(['end credential_revoked'])
    expect(await watcher.next()).toBeUndefined()
    expect(kinds(await other.next())).toEqual(['later'])
    expect(watchers.count).toBe(1)
  })

  test('of a server ends all, and nobody is let in any more', async () => {
    const watcher = open()
    await watcher.next()
    const next = watcher.next()
    watchers.close()
    expect(kinds(await next)).toEqual(['end draining'])
    const whole = { filter: filterOf(), scope: undefined, after: undefined, holds: () => true }
    expect(watchers.open(whole)).toMatchObject({ refusal: 'draining' })
  })

  test('of the reader gives its place back at once, also while it waits', async () => {
    const watcher = open()
    await watcher.next()
    const next = watcher.next()
    watcher.close()
    expect(await next).toBeUndefined()
    expect(watchers.count).toBe(0)
  })
})

test('there are only so many, and one tenant takes only some of the places', () => {
  const refused = (scope: string | undefined) => {
    const request = { filter: filterOf(), scope, after: undefined, holds: () => true }
    return !watchers.open(request).ok
  }
  for (let count = 0; count < TENANT_WATCHER_COUNT_MAX; count++) open({ scope: 'a' })
  expect(refused('a')).toBe(true)
  expect(refused('b')).toBe(false)
  while (watchers.count < WATCHER_COUNT_MAX) open()
  expect(refused(undefined)).toBe(true)
})

test('however many tenants follow, operators of the installation find a place', () => {
  const isLetIn = (scope: string | undefined) =>
    watchers.open({ filter: filterOf(), scope, after: undefined, holds: () => true }).ok
  for (let tenant = 0; tenant < WATCHER_COUNT_MAX; tenant++) {
    for (let count = 0; count < TENANT_WATCHER_COUNT_MAX; count++) isLetIn(`tenant-${tenant}`)
  }
  expect(watchers.count).toBe(TENANTS_WATCHER_COUNT_MAX)
  expect(isLetIn(undefined)).toBe(true)
})

test('one whose key is revoked while nobody reads gives its place back at once', () => {
  let isValid = true
  const watcher = open({ holds: () => isValid, scope: 'a' })
  isValid = false
  watchers.check()
  expect(watchers.count).toBe(0)
  // Whoever reads then is told of the end, and of nothing else.
  journal.hear(failed('a', 'later'))
  return watcher.next().then(async (steps) => {
    expect(kinds(steps)).toEqual(['end credential_revoked'])
    expect(await watcher.next()).toBeUndefined()
  })
})

function idOf(step: WatchStep | undefined): string {
  if (step === undefined || step.kind === 'end') throw new Error('this has no id')
  return step.id
}
