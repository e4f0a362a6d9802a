import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { REGIONS } from '../../../../../test/contract/records.ts'
import { openCoreWorld } from '../../../../../test/support/credential-core.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import { Outage } from '../../ports/outage.ts'
import type { ControlDatabase, Store } from '../../ports/store.ts'
import { type Denial, DENIAL_ROW_COUNT_MAX, DENIAL_WINDOW_MS } from './denial-sampling.ts'
import { DENIAL_WAITING_COUNT_MAX, Denials } from './denials.ts'
import type { AuditEntry } from './entry.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const START_MS = 1_790_000_000_000

function denial(changes: Partial<Denial> = {}): Denial {
  return {
    tenantId: TENANT,
    actor: { kind: 'anonymous', id: '' },
    source: { ip: '192.0.2.1', agent: 'test', protocol: 'http' },
    action: 'auth.failed',
    target: { kind: 'app', id: 'app' },
    outcome: 'denied',
    reason: 'unauthenticated',
    ...changes,
  }
}

const { audit: trail } = (await openCoreWorld()).core

/** A store whose control database can be out. */
function breakable() {
  const real = openMemoryStore(REGIONS)
  const state = { isOut: false }
  const control: ControlDatabase = {
    code: real.control.code,
    addUses: (uses) => real.control.addUses(uses),
    async transaction(work) {
      if (state.isOut) throw new Outage('store_full', 'the disk is full', { port: 'store' })
      return real.control.transaction(work)
    },
  }
  const store: Store = {
    control,
    regions: real.regions,
    ping: () => real.ping(),
    close: () => real.close(),
  }
  return { store, state, real }
}

function openWorld() {
  const time = { ms: START_MS, monotonicMs: 5_000 }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.monotonicMs }
  const { store, state, real } = breakable()
  const denials = new Denials({ trail, clock })
  const pass = (ms: number) => {
    time.ms += ms
    time.monotonicMs += ms
  }
  const rows = async (tenantId = TENANT, database = real.control): Promise<AuditEntry[]> => {
    const page = { tenantId, afterSeq: 0, countMax: 100_000 }
    const found = await database.transaction((each) => each.listAudit(page))
    return found.map(({ entry }) => JSON.parse(entry) as AuditEntry)
  }
  return { denials, store, state, real, pass, time, rows }
}

const totalOf = (rows: readonly AuditEntry[]) => rows.reduce((sum, { count = 1 }) => sum + count, 0)

/** @returns what a flush threw; undefined for nothing. */
async function failureOf({ denials, store }: Pick<World, 'denials' | 'store'>): Promise<unknown> {
  try {
    await denials.flush(store)
    return undefined
  } catch (error) {
    return error
  }
}

type World = ReturnType<typeof openWorld>
let world: World
beforeEach(() => {
  world = openWorld()
})

const deny = (changes: Partial<Denial> = {}, code = 'control') =>
  world.denials.deny(denial(changes), code)

describe('a denial', () => {
  test('is one row with the time it happened, who, whence and why', async () => {
    deny()
    world.pass(3_000)
    await world.denials.flush(world.store)
    expect(await world.rows()).toEqual([{ ...denial(), atMs: START_MS }])
  })

  test('goes to the database it is told for, and to control once that region is gone', async () => {
    const local = [...world.real.regions.values()][0]
    if (local === undefined) throw new Error('no region')
    deny({}, local.code)
    deny({ reason: 'gone' }, 'closed-long-ago')
    await world.denials.flush(world.store)
    const page = { tenantId: TENANT, afterSeq: 0, countMax: 9 }
    expect(await local.transaction((each) => each.listAudit(page))).toHaveLength(1)
    expect((await world.rows()).map(({ reason }) => reason)).toEqual(['gone'])
  })

  test('keeps no more of what a caller sent than a row should hold', async () => {
    const long = 'x'.repeat(10_000)
    const target = { kind: 'app', id: long, name: long }
    deny({ target, actor: { kind: 'anonymous', id: long }, reason: long })
    await world.denials.flush(world.store)
    const [row] = await world.rows()
    for (const text of [row?.target.id, row?.target.name, row?.actor.id, row?.reason])
      expect(text).toHaveLength(200)
  })
})

describe('a flood', () => {
  test('of one kind is a few rows, and one that counts the rest exactly', async () => {
    for (let count = 0; count < 10_000; count++) {
      deny()
      world.pass(1)
    }
    await world.denials.flush(world.store)
    expect(await world.rows()).toHaveLength(DENIAL_ROW_COUNT_MAX)
    world.pass(DENIAL_WINDOW_MS)
    await world.denials.flush(world.store)
    const rows = await world.rows()
    expect(rows).toHaveLength(DENIAL_ROW_COUNT_MAX + 1)
    expect(rows.at(-1)).toMatchObject({
      count: 10_000 - DENIAL_ROW_COUNT_MAX,
      atMs: START_MS + DENIAL_ROW_COUNT_MAX,
      untilMs: START_MS + 9_999,
    })
  })

  test('that goes on beyond a window is shown again in the next one', async () => {
    for (let count = 0; count < 100; count++) deny()
    world.pass(DENIAL_WINDOW_MS)
    for (let count = 0; count < 100; count++) deny()
    await world.denials.finish(world.store)
    const rows = await world.rows()
    expect(totalOf(rows)).toBe(200)
    expect(rows.filter(({ count }) => count !== undefined)).toHaveLength(2)
  })

  test('hides no other kind: address, reason, target and actor are told apart', async () => {
    for (let count = 0; count < 1_000; count++) deny()
    deny({ source: { ip: '192.0.2.9', agent: 'test', protocol: 'http' } })
    deny({ reason: 'credential_invalid' })
    deny({ target: { kind: 'app', id: 'other' } })
    deny({ actor: { kind: 'operator', id: 'cred_1' } })
    deny({ action: 'auth.denied' })
    await world.denials.flush(world.store)
    const rows = (await world.rows()).slice(DENIAL_ROW_COUNT_MAX)
    expect(rows).toHaveLength(5)
  })
})

describe('while a database is out', () => {
  test('rows wait, in their order, and are written once it is back', async () => {
    deny({ reason: 'first' })
    world.state.isOut = true
    expect(await failureOf(world)).toBeInstanceOf(Outage)
    deny({ reason: 'second' })
    expect(await failureOf(world)).toBeInstanceOf(Outage)
    world.state.isOut = false
    await world.denials.flush(world.store)
    expect((await world.rows()).map(({ reason }) => reason)).toEqual(['first', 'second'])
  })

  test('what no longer fits is counted exactly as dropped', async () => {
    world.state.isOut = true
    const count = DENIAL_WAITING_COUNT_MAX + 900
    const tenantCount = 50
    for (let each = 0; each < count; each++) {
      // So many tenants and reasons that each of these becomes a row.
      const tenantId = `tenant-${each % tenantCount}`
      deny({ tenantId, reason: `reason-${Math.floor(each / tenantCount / DENIAL_ROW_COUNT_MAX)}` })
      if (each % 5_000 === 4_999) {
        world.pass(DENIAL_WINDOW_MS)
        const failure = await failureOf(world)
        if (failure !== undefined) expect(failure).toBeInstanceOf(Outage)
      }
    }
    world.state.isOut = false
    await world.denials.finish(world.store)
    const rows: AuditEntry[] = []
    for (let each = 0; each < tenantCount; each++)
      rows.push(...(await world.rows(`tenant-${each}`)))
    expect(totalOf(rows)).toBe(count)
    expect(totalOf(rows.filter(({ action }) => action === 'audit.dropped'))).toBe(900)
  })

  test('rows of other databases are written all the same', async () => {
    deny()
    deny({ reason: 'elsewhere' }, 'local')
    world.state.isOut = true
    expect(await failureOf(world)).toBeInstanceOf(Outage)
    const region = world.real.regions.get('local')
    const page = { tenantId: TENANT, afterSeq: 0, countMax: 9 }
    expect(await region?.transaction((each) => each.listAudit(page))).toHaveLength(1)
  })
})

test('a row that can never be written is counted, and does not block those behind it', async () => {
  deny({ before: { clientSecret: 'a bug put it here' } })
  expect(String(await failureOf(world))).toContain('clientSecret')
  deny({ reason: 'after' })
  await world.denials.flush(world.store)
  const rows = await world.rows()
  expect(rows.map(({ action }) => action)).toEqual(['auth.failed', 'audit.dropped'])
  expect(JSON.stringify(rows)).not.toContain('a bug put it here')
})

test('whatever comes in whatever order, with outages: every denial is counted once', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('deny' as const), reason: fc.nat(3), count: fc.nat(20) }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(DENIAL_WINDOW_MS) }),
    fc.record({ kind: fc.constant('flush' as const), isOut: fc.boolean() }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      world = openWorld()
      let total = 0
      for (const each of steps) {
        if (each.kind === 'pass') world.pass(each.ms)
        if (each.kind === 'deny') {
          total += each.count
          for (let left = each.count; left > 0; left--) deny({ reason: String(each.reason) })
        }
        if (each.kind !== 'flush') continue
        world.state.isOut = each.isOut
        const failure = await failureOf(world)
        if (failure !== undefined) expect(failure).toBeInstanceOf(Outage)
      }
      world.state.isOut = false
      await world.denials.finish(world.store)
      expect(totalOf(await world.rows())).toBe(total)
    }),
  )
})
