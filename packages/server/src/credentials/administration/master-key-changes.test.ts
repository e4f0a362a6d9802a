import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import type { MasterKeySource } from '../../ports/master-key-source.ts'
import { Outage } from '../../ports/outage.ts'
import type { ControlDatabase, Store } from '../../ports/store.ts'
import type { AuditEntry } from '../audit/entry.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { createMasterKeyFile } from '../master-key.ts'
import { systemRandom } from '../../adapters/system/random.ts'
import { openMemoryStore } from '../../adapters/store-memory/store.ts'
import { REGIONS } from '../../../../../test/contract/records.ts'

/** A key file and a store that can be out, which remember what was done in which order. */
async function openWorld() {
  const state = { isOut: false, isOutAfterWrite: false, text: createMasterKeyFile(systemRandom) }
  const written: string[] = []
  const real = openMemoryStore(REGIONS)
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
  const keySource: MasterKeySource = {
    kind: 'file',
    read: () => Promise.resolve(state.text),
    async write(text) {
      written.push(...(await rows()).map(({ action }) => action))
      state.text = text
      state.isOut = state.isOutAfterWrite
    },
  }
  const rows = async (): Promise<AuditEntry[]> => {
    const page = { tenantId: INSTALLATION, afterSeq: 0, countMax: 100 }
    const found = await real.control.transaction((each) => each.listAudit(page))
    const entries = found.map(({ entry }) => JSON.parse(entry) as AuditEntry)
    return entries.filter(({ action }) => action.startsWith('master_key.'))
  }
  const world = await openCoreWorld({ store, keyText: state.text, keySource })
  return { world, state, written, rows }
}

let it: Awaited<ReturnType<typeof openWorld>>
let world: CoreWorld
beforeEach(async () => {
  it = await openWorld()
  world = it.world
})

const rotate = () => world.core.masterKeyChanges.rotate(CALLER)

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

describe('the audit of a rotation of the master key', () => {
  test('says who began before the key is replaced, and that it is done', async () => {
    expect(await rotate()).toMatchObject({ ok: true })
    expect(it.written).toEqual(['master_key.rotation_begun'])
    const of = {
      ...CALLER,
      tenantId: INSTALLATION,
      target: { kind: 'master_key', id: '2' },
      outcome: 'success',
      before: { version: 1 },
      after: { version: 2 },
    }
    expect(await it.rows()).toMatchObject([
      { ...of, action: 'master_key.rotation_begun' },
      { ...of, action: 'master_key.rotated' },
    ])
  })

  test('comes first: while it cannot be written, the key stays', async () => {
    it.state.isOut = true
    const before = it.state.text
    expect(await failureOf(rotate())).toBeInstanceOf(Outage)
    expect(it.state.text).toBe(before)
    expect(world.core.administration.masterKey.currentVersion).toBe(1)
  })

  test('tells of one that an outage cut short once it is carried on, in the same process', async () => {
    const { masterKeyChanges, administration } = world.core
    await masterKeyChanges.finish()
    it.state.isOutAfterWrite = true
    expect(await failureOf(rotate())).toBeInstanceOf(Outage)
    expect(administration.masterKey.currentVersion).toBe(2)
    expect(await failureOf(masterKeyChanges.finish())).toBeInstanceOf(Outage)
    it.state.isOut = false
    await masterKeyChanges.finish()
    const told = (await it.rows()).map(({ action, actor }) => [action, actor.kind])
    expect(told).toEqual([
      ['master_key.rotation_begun', 'operator'],
      ['master_key.rewrapped', 'system'],
    ])
    expect(await masterKeyChanges.status()).toMatchObject({ outdatedCount: 0 })
    await masterKeyChanges.finish()
    expect(await it.rows()).toHaveLength(2)
  })

  test('holds no part of a key', async () => {
    await rotate()
    const keys = it.state.text.split('\n').flatMap((line) => /^\d+ (.+)$/.exec(line)?.[1] ?? [])
    expect(keys).toHaveLength(2)
    const text = JSON.stringify(await it.rows())
    for (const key of keys) expect(text).not.toContain(key)
  })
})
