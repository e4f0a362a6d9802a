import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DENIAL_PLACE_COUNT_MAX } from './denial-place.ts'
import {
  type Denial,
  DENIAL_GROUP_ROW_COUNT_MAX,
  DENIAL_KEY_COUNT_MAX,
  DENIAL_ROW_COUNT_MAX,
  DENIAL_WINDOW_MS,
  DenialSampling,
} from './denial-sampling.ts'
import { type AuditEntry, INSTALLATION } from './entry.ts'

const START_MS = 1_790_000_000_000

function openWorld() {
  const time = { ms: START_MS }
  const rows: AuditEntry[] = []
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms - START_MS }
  const sampling = new DenialSampling({ clock, emit: (_place, entry) => void rows.push(entry) })
  const deny = (ip: string, changes: Partial<Denial> = {}) => {
    sampling.take(
      {
        tenantId: 'tenant',
        actor: { kind: 'anonymous', id: '' },
        source: { ip, agent: 'test', protocol: 'http' },
        action: 'auth.failed',
        target: { kind: 'app', id: 'app' },
        outcome: 'denied',
        reason: 'unauthenticated',
        ...changes,
      },
      'control',
    )
  }
  return { time, rows, sampling, deny }
}

let world: ReturnType<typeof openWorld>
beforeEach(() => {
  world = openWorld()
})

const totalOf = (rows: readonly AuditEntry[]) => rows.reduce((sum, { count = 1 }) => sum + count, 0)
const addressOf = (number: number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`
const sumsOf = (rows: readonly AuditEntry[]) =>
  rows.filter(({ reason }) => reason === 'many_kinds').map(({ count }) => count)

/** One denial from each of so many addresses. */
function flood(count: number, changes: Partial<Denial> = {}): void {
  for (let each = 0; each < count; each++) world.deny(addressOf(each), changes)
}

describe('a flood from many addresses', () => {
  test('is a bounded number of rows in a minute, and one that counts the rest exactly', () => {
    for (let each = 0; each < 10_000; each++) {
      world.deny(addressOf(each))
      world.time.ms++
    }
    world.sampling.closeAll()
    expect(world.rows).toHaveLength(DENIAL_GROUP_ROW_COUNT_MAX + 1)
    expect(world.rows.at(-1)).toEqual({
      atMs: START_MS + DENIAL_GROUP_ROW_COUNT_MAX,
      untilMs: START_MS + 9_999,
      count: 10_000 - DENIAL_GROUP_ROW_COUNT_MAX,
      tenantId: 'tenant',
      actor: { kind: 'anonymous', id: '' },
      source: undefined,
      action: 'auth.failed',
      target: { kind: '*', id: '*' },
      outcome: 'denied',
      reason: 'many_kinds',
    })
  })

  test.each([
    [DENIAL_GROUP_ROW_COUNT_MAX - 1, []],
    [DENIAL_GROUP_ROW_COUNT_MAX, []],
    [DENIAL_GROUP_ROW_COUNT_MAX + 1, [1]],
  ])('of %d is told apart up to the bound', (count, sums) => {
    flood(count)
    world.sampling.closeAll()
    expect(sumsOf(world.rows)).toEqual(sums)
    expect(totalOf(world.rows)).toBe(count)
  })

  test('that goes on is shown anew in each minute', () => {
    flood(500)
    world.time.ms += DENIAL_WINDOW_MS
    flood(300)
    world.sampling.closeAll()
    expect(sumsOf(world.rows)).toEqual([400, 200])
    expect(world.rows).toHaveLength(2 * (DENIAL_GROUP_ROW_COUNT_MAX + 1))
  })

  test('leaves its sum when its minute is over, also if nothing follows', () => {
    flood(500)
    world.time.ms += DENIAL_WINDOW_MS - 1
    world.sampling.closeEnded()
    expect(sumsOf(world.rows)).toEqual([])
    world.time.ms++
    world.sampling.closeEnded()
    world.sampling.closeEnded()
    expect(sumsOf(world.rows)).toEqual([400])
  })

  test('takes in what was counted of a kind when no row is left for it', () => {
    for (let count = 0; count < 50; count++) world.deny('192.0.2.1')
    flood(DENIAL_GROUP_ROW_COUNT_MAX - DENIAL_ROW_COUNT_MAX)
    world.sampling.closeAll()
    expect(world.rows).toHaveLength(DENIAL_GROUP_ROW_COUNT_MAX + 1)
    expect(sumsOf(world.rows)).toEqual([50 - DENIAL_ROW_COUNT_MAX])
  })

  test('hides nothing of another action, of somebody known, or of another tenant', () => {
    flood(10_000)
    world.deny('192.0.2.1', { action: 'auth.refresh_reused' })
    world.deny('192.0.2.1', { actor: { kind: 'operator', id: 'cred_1' } })
    world.deny('192.0.2.1', { tenantId: 'other' })
    const others = world.rows.slice(DENIAL_GROUP_ROW_COUNT_MAX)
    expect(others.map(({ action, actor, tenantId }) => [action, actor.kind, tenantId])).toEqual([
      ['auth.refresh_reused', 'anonymous', 'tenant'],
      ['auth.failed', 'operator', 'tenant'],
      ['auth.failed', 'anonymous', 'other'],
    ])
  })
})

describe('memory', () => {
  test('of kinds is bounded: more of them are added up, each for its tenant', () => {
    const tenantCount = 50
    const kindCount = DENIAL_GROUP_ROW_COUNT_MAX / 2
    for (let each = 0; each < tenantCount; each++) flood(kindCount, { tenantId: `tenant-${each}` })
    world.sampling.closeAll()
    expect(totalOf(world.rows)).toBe(tenantCount * kindCount)
    const addedUp = tenantCount - DENIAL_KEY_COUNT_MAX / kindCount
    expect(sumsOf(world.rows)).toEqual(Array.from({ length: addedUp }, () => kindCount))
    const last = world.rows.filter(({ tenantId }) => tenantId === `tenant-${tenantCount - 1}`)
    expect(last).toMatchObject([{ count: kindCount, reason: 'many_kinds' }])
  })

  test('of tenants is bounded: more of them are added up for the installation', () => {
    for (let each = 0; each < DENIAL_PLACE_COUNT_MAX + 7; each++) {
      world.deny('192.0.2.1', { tenantId: `tenant-${each}` })
    }
    world.sampling.closeAll()
    expect(totalOf(world.rows)).toBe(DENIAL_PLACE_COUNT_MAX + 7)
    const own = world.rows.filter(({ tenantId }) => tenantId === INSTALLATION)
    expect(own).toMatchObject([{ count: 7, reason: 'many_kinds' }])
  })
})

test('whatever comes when: every denial counts once, and no minute has too many rows', () => {
  const step = fc.record({
    addressCount: fc.nat(3 * DENIAL_GROUP_ROW_COUNT_MAX),
    repeatCount: fc.integer({ min: 1, max: 2 * DENIAL_ROW_COUNT_MAX }),
    passMs: fc.nat(DENIAL_WINDOW_MS),
    isClosing: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      world = openWorld()
      let total = 0
      for (const { addressCount, repeatCount, passMs, isClosing } of steps) {
        for (let count = 0; count < repeatCount; count++) flood(addressCount)
        total += addressCount * repeatCount
        world.time.ms += passMs
        if (isClosing) world.sampling.closeEnded()
      }
      world.sampling.closeAll()
      expect(totalOf(world.rows)).toBe(total)
      // A group's window begins with something to say, so at most one in each whole minute.
      const windowCount = Math.floor((world.time.ms - START_MS) / DENIAL_WINDOW_MS) + 1
      const rowCountMax = windowCount * (DENIAL_GROUP_ROW_COUNT_MAX + 1)
      expect(world.rows.length).toBeLessThanOrEqual(rowCountMax)
    }),
  )
})
