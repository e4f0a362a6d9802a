import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import { claimsOf, mergeRecords, recordOfClaims } from './lineage.ts'
import { ENDED_KEPT_MS, LineageTable, LOOKED_AT_MAX } from './lineage-table.ts'
import { LineageWriter } from './lineage-writer.ts'

const BASE: ConnectionTokenRecord = {
  id: 'id',
  tenantId: 'tenant',
  appId: 'app',
  username: 'abc',
  userEmail: 'ann@example.com',
  userId: 'ann',
  provider: 'cloudsignal',
  integration: undefined,
  acl: { publish: [] },
  restsOn: ['version:v'],
  claims: { role: 'x' },
  ttlMs: 60_000,
  createdAtMs: 0,
  generation: 1,
  refreshedAtMs: undefined,
  expiresAtMs: 60_000,
  endsAtMs: 3_600_000,
  revokedAtMs: undefined,
  replacedAtMs: undefined,
  clientIds: [],
}

const records = fc
  .record({
    generation: fc.integer({ min: 1, max: 4 }),
    revokedAtMs: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    replacedAtMs: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    clientIds: fc.uniqueArray(fc.constantFrom('a', 'b', 'c')),
  })
  .map(
    (some): ConnectionTokenRecord => ({
      ...BASE,
      ...some,
      refreshedAtMs: some.generation === 1 ? undefined : some.generation,
      expiresAtMs: 60_000 + some.generation,
    }),
  )

const sorted = (record: ConnectionTokenRecord) => ({
  ...record,
  clientIds: [...record.clientIds].sort(),
})

test('news may come twice and in any order', () => {
  fc.assert(
    fc.property(fc.array(records, { minLength: 1, maxLength: 6 }), fc.integer(), (news, turn) => {
      const merge = (all: readonly ConnectionTokenRecord[]) =>
        sorted(all.reduce((one, other) => mergeRecords(one, other)))
      const cut = Math.abs(turn) % news.length
      const turned = [...news.slice(cut), ...news.slice(0, cut)]
      expect(merge(turned)).toEqual(merge(news))
      expect(merge([...news, ...turned])).toEqual(merge(news))
    }),
  )
})

test('what has ended is told once, however often it is heard', () => {
  const ended: string[] = []
  const table = new LineageTable(({ id }) => ended.push(id))
  table.put(BASE)
  table.put({ ...BASE, replacedAtMs: 5 })
  table.put({ ...BASE, replacedAtMs: 5, revokedAtMs: 7 })
  table.put(BASE)
  expect(ended).toEqual(['id', 'id'])
  expect(table.find('id')?.record).toMatchObject({ replacedAtMs: 5, revokedAtMs: 7 })
})

test('a record comes back from the claims of its password', () => {
  fc.assert(
    fc.property(records, (record) => {
      const alive = { ...record, revokedAtMs: undefined, replacedAtMs: undefined, clientIds: [] }
      const claims = JSON.parse(JSON.stringify(claimsOf(alive)))
      expect(recordOfClaims(claims, 'tenant')).toEqual(alive)
    }),
  )
  expect(recordOfClaims({ ...claimsOf(BASE), rest: undefined }, 'tenant')).toBeUndefined()
  const bad = { ...claimsOf(BASE).rest, o: [1] }
  expect(recordOfClaims({ ...claimsOf(BASE), rest: bad }, 'tenant')).toBeUndefined()
})

test('pages follow each other, with what is asked for and nothing twice', () => {
  const table = new LineageTable(() => {})
  const ids = Array.from({ length: 7 }, (_, index) => `id-${index}`)
  for (const id of ids) table.put({ ...BASE, id })
  table.put({ ...BASE, id: 'other', appId: 'other' })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const isWanted = () => true
    const { lineages, nextCursor } = table.page('app', { cursor, countMax: 3, isWanted })
    seen.push(...lineages.map(({ record }) => record.id))
    cursor = nextCursor
  } while (cursor !== undefined)
  expect(seen).toEqual(ids)
})

test('changes of one turn share a commit, and each builds on the one before', async () => {
  const table = new LineageTable(() => {})
  table.put(BASE)
  const commits: number[] = []
  const save = async (_region: string, { records: all }: { records: readonly unknown[] }) => {
    commits.push(all.length)
  }
  const writer = new LineageWriter({ table, save, tell: () => {} })
  const raise = () => {
    const known = table.find('id')?.record ?? BASE
    return { records: [{ ...known, generation: known.generation + 1 }], entries: [] }
  }
  const fresh = (id: string) => () => ({ records: [{ ...BASE, id }], entries: [] })
  const writes = [raise, raise, raise, fresh('one'), fresh('two')].map((make) =>
    writer.write('local', make),
  )
  await Promise.all(writes)
  expect(table.find('id')?.record.generation).toBe(4)
  expect(commits).toEqual([3, 1, 1])
})

test('a change that fails is the only one to fail', async () => {
  const table = new LineageTable(() => {})
  const writer = new LineageWriter({ table, save: async () => {}, tell: () => {} })
  const bad = writer.write('local', () => {
    throw new Error('a mistake')
  })
  const good = writer.write('local', () => ({ records: [BASE], entries: [] }))
  expect(await bad.catch((error: unknown) => String(error))).toContain('a mistake')
  await good
  expect(table.find('id')).toBeDefined()
})

test('what ended long ago is forgotten, by sweeps that go on where they stopped', () => {
  const table = new LineageTable(() => {})
  for (let index = 0; index < 5; index++) {
    table.put({ ...BASE, id: `id-${index}`, expiresAtMs: 60_000 + index })
  }
  table.sweep(60_000 + ENDED_KEPT_MS + 1)
  expect(table.size).toBe(3)
  table.put({ ...BASE, id: 'new', expiresAtMs: 1 })
  table.sweep(60_000 + ENDED_KEPT_MS + 10)
  table.sweep(60_000 + ENDED_KEPT_MS + 10)
  expect(table.size).toBe(0)
  expect([...table.ofApp('app')]).toEqual([])
})

test('what was replaced is no active token of its user, and is known all the same', () => {
  const table = new LineageTable(() => {})
  table.put(BASE)
  expect(table.activeOf(BASE, 0)).toHaveLength(1)
  table.put({ ...BASE, replacedAtMs: 1 })
  table.put({ ...BASE, id: 'read at start', revokedAtMs: 1 })
  expect(table.activeOf(BASE, 0)).toHaveLength(0)
  expect(table.size).toBe(2)
})

test('a page that few are wanted for looks at so many, and the next one goes on', () => {
  const table = new LineageTable(() => {})
  const count = LOOKED_AT_MAX * 2 + 10
  for (let index = 0; index < count; index++) {
    table.put({ ...BASE, id: `id-${index}`, userEmail: `${index}@example.com` })
  }
  let lookedAtCount = 0
  const found: string[] = []
  let cursor: string | undefined
  do {
    const before = lookedAtCount
    const page = table.page('app', {
      cursor,
      countMax: 5,
      isWanted({ record }) {
        lookedAtCount++
        return record.id.endsWith('9999')
      },
    })
    expect(lookedAtCount - before).toBeLessThanOrEqual(LOOKED_AT_MAX)
    found.push(...page.lineages.map(({ record }) => record.id))
    cursor = page.nextCursor
  } while (cursor !== undefined)
  expect(found).toEqual(['id-9999'])
  expect(lookedAtCount).toBe(count)
})
