import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { REGIONS, tenantOf } from '../../../../../test/contract/records.ts'
import { testStoreContract } from '../../../../../test/contract/store.ts'
import { Outage } from '../../ports/outage.ts'
import { openSqliteStore as openStore } from './store.ts'

const openSqliteStore = ({ dataDir }: { dataDir: string }) =>
  openStore({ dataDir, regions: REGIONS })
const WRITER = join(import.meta.dirname, '../../../../../test/contract/sqlite-writer.ts')
const GARBAGE_BYTES = 16_384
const FILES = {
  records: 'control.db',
  sessions: 'sessions-local.db',
  documents: 'documents-local.db',
  history: 'history-local.db',
} as const

testStoreContract('the SQLite store', {
  open: (place) => openSqliteStore({ dataDir: place }),
  durability: {
    writer: (place, part) => [process.execPath, WRITER, place, part],
    lock: (place, part) => {
      const foreign = new DatabaseSync(join(place, FILES[part]))
      foreign.exec('BEGIN EXCLUSIVE')
      return () => foreign.close()
    },
    spoil: (place, part) =>
      writeFileSync(join(place, FILES[part]), Buffer.alloc(GARBAGE_BYTES, 'A')),
  },
})

describe('the files of the SQLite store', () => {
  let parent = ''
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'lockgate-sqlite-'))
  })
  afterEach(() => rmSync(parent, { recursive: true }))

  const modeOf = (path: string) => statSync(path).mode & 0o777
  const outageOf = async (promise: Promise<unknown>) => {
    const error: unknown = await promise.catch((reason: unknown) => reason)
    if (error instanceof Outage) return error
    throw new Error('this was no outage', { cause: error })
  }

  test('are for their owner only, journals included, however they were before', async () => {
    const dataDir = join(parent, 'new', 'data')
    const first = await openSqliteStore({ dataDir })
    expect(modeOf(dataDir)).toBe(0o700)
    await first.close()
    chmodSync(join(dataDir, 'control.db'), 0o644)
    const second = await openSqliteStore({ dataDir })
    await second.control.transaction((transaction) => transaction.listTenants())
    const names = readdirSync(dataDir)
    expect(names).toContain('control.db-wal')
    expect(names.map((name) => modeOf(join(dataDir, name)))).toEqual(names.map(() => 0o600))
    await second.close()
  })

  test('leave no journal behind after close, so the databases alone are a backup', async () => {
    const store = await openSqliteStore({ dataDir: parent })
    await store.close()
    expect(readdirSync(parent).sort()).toEqual(['control.db', 'lock.db', 'region-local.db'])
  })

  test('a place that cannot be a directory is an outage that names it', async () => {
    const file = join(parent, 'file')
    writeFileSync(file, '')
    const outage = await outageOf(openSqliteStore({ dataDir: join(file, 'data') }))
    expect(outage.code).toBe('store_unavailable')
    expect(outage.message).toContain(file)
  })

  test('a database of a newer version is refused and left as it is', async () => {
    const store = await openSqliteStore({ dataDir: parent })
    await store.close()
    const database = new DatabaseSync(join(parent, 'control.db'))
    database.exec("INSERT INTO kysely_migration VALUES ('9999_future', '2099-01-01T00:00:00.000Z')")
    database.close()
    const outage = await outageOf(openSqliteStore({ dataDir: parent }))
    expect(outage.code).toBe('store_unavailable')
    expect(outage.message).toContain('newer')
    expect(existsSync(join(parent, 'control.db-wal'))).toBe(false)
  })

  test('damage behind an intact header is an outage, never an empty answer', async () => {
    const store = await openSqliteStore({ dataDir: parent })
    await store.close()
    const path = join(parent, 'control.db')
    const database = new DatabaseSync(path)
    const pages = database
      .prepare("SELECT rootpage FROM sqlite_master WHERE name = 'tenants'")
      .get()
    const { page_size: pageBytes } = database.prepare('PRAGMA page_size').get() ?? {}
    database.close()
    const bytes = new Uint8Array(await Bun.file(path).arrayBuffer())
    const start = (Number(pages?.['rootpage']) - 1) * Number(pageBytes)
    writeFileSync(path, bytes.fill(0x41, start, start + Number(pageBytes)))
    const damaged = await openSqliteStore({ dataDir: parent })
    const outage = await outageOf(
      damaged.control.transaction((transaction) => transaction.listTenants()),
    )
    expect(outage.code).toBe('store_corrupt')
    await damaged.close()
  })

  test('a call that is not awaited cannot slip out of its transaction', async () => {
    const store = await openSqliteStore({ dataDir: parent })
    const tenant = tenantOf(1)
    let escaped: Promise<unknown> | undefined
    const result = store.control.transaction(async (transaction) => {
      escaped = transaction.saveTenant(tenant).catch((error: unknown) => error)
    })
    expect(await result.catch((error: unknown) => String(error))).toContain('not awaited')
    await escaped
    expect(await store.control.transaction((transaction) => transaction.listTenants())).toEqual([])
    await store.close()
  })
})
