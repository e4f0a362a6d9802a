import { beforeEach, describe, expect, test } from 'bun:test'
import { REGIONS } from '../../../../../test/contract/records.ts'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import type { RegionDatabase } from '../../ports/store.ts'
import { DocumentChanges } from './document-changes.ts'

const reason = 'asked by the customer'
const NOW_MS = 1_900_000_000_000

let world: AdministrationWorld
let changes: DocumentChanges
let region: RegionDatabase
let appId = ''
let open: Set<string>
/** What happened, in order. */
let steps: string[]

beforeEach(async () => {
  const store = openMemoryStore(REGIONS)
  world = await AdministrationWorld.open({}, { store })
  const tenantId = await world.tenant()
  const app = { tenantId, name: 'chat', plan: 'unlimited', allowedDomains: [], settings: {} }
  const made = await world.done(world.apps.create({ ...app, type: 'confidential' }, CALLER))
  appId = made.loaded.app.id
  const found = store.regions.get('local')
  if (found === undefined) throw new Error('there is no region')
  region = found
  open = new Set()
  steps = []
  changes = new DocumentChanges(world.core.administration, {
    isOpen: (_app, name) => open.has(name),
    async remove({ id }, name) {
      steps.push(`${name} after ${(await rows()).length} rows`)
      await region.documents.remove({ appId: id, name })
    },
  })
})

async function keep(...names: readonly string[]): Promise<void> {
  const update = new Uint8Array([1, 2, 3])
  await region.documents.append(
    names.map((name) => ({ key: { appId, name }, update })),
    NOW_MS,
  )
}

async function rows() {
  const all = await region.transaction(async (transaction) => {
    const heads = await transaction.listAuditHeads()
    const pages = heads.map(({ tenantId }) =>
      transaction.listAudit({ tenantId, afterSeq: 0, countMax: 100 }),
    )
    return (await Promise.all(pages)).flat()
  })
  return all.filter(({ entry }) => entry.includes('document.deleted'))
}

const list = (after?: string, countMax = 10) => changes.list({ appId, after, countMax })

describe('the documents of an app', () => {
  test('are listed by name, with how much they take and who has them open', async () => {
    await keep('b', 'a', 'c')
    open.add('b')
    const shown = await world.done(list())
    expect(shown.map(({ name, isOpen }) => [name, isOpen])).toEqual([
      ['a', false],
      ['b', true],
      ['c', false],
    ])
    expect(shown[0]).toMatchObject({ byteCount: 3, updateCount: 1, createdAtMs: NOW_MS })
    expect((await world.done(list('a', 1))).map(({ name }) => name)).toEqual(['b'])
  })

  test('are deleted one by one, open or not, and only once the audit says so', async () => {
    await keep('a', 'b')
    open.add('a')
    const remove = (name: string) => world.done(changes.delete({ appId, name, reason }, CALLER))
    expect(await remove('a')).toEqual({ name: 'a', wasOpen: true })
    expect(await remove('none')).toEqual({ name: 'none', wasOpen: false })
    expect(steps).toEqual(['a after 1 rows', 'none after 2 rows'])
    expect((await world.done(list())).map(({ name }) => name)).toEqual(['b'])
    const [first] = await rows()
    expect(first?.entry).toContain(reason)
    expect(first?.entry).toContain('"document":"a"')
  })

  test('are none of an app that is not there', async () => {
    const of = { appId: 'none', after: undefined, countMax: 1 }
    expect(await changes.list(of)).toMatchObject({ refusal: 'not_found' })
    const removed = await changes.delete({ appId: 'none', name: 'a', reason }, CALLER)
    expect(removed).toMatchObject({ refusal: 'not_found' })
    expect(steps).toEqual([])
  })
})
