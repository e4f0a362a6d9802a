import { beforeEach, describe, expect, test } from 'bun:test'
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import {
  entryOf,
  LOG_KEYS,
  LOG_PRIVATE_KEY,
  type LogDatabase,
  TestLog,
} from '../../../../../test/support/audit-log.ts'
import { PAGE_ROW_COUNT } from './audit-source.ts'
import { canonicalJson } from './canonical-json.ts'
import { hashOf, nextRows, sealOf } from './chain.ts'
import { parseBody, signCheckpoint } from './checkpoint-body.ts'
import type { AuditFault, FaultCode } from './faults.ts'
import { type AuditVerdict, verifyAudit } from './verification.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const OTHER = '9c1f2b34-0000-4000-8000-000000000001'
const texts = (count: number) => Array.from({ length: count }, (_, at) => `row ${at}`)

async function verify(log: TestLog, keys: Parameters<typeof verifyAudit>[1] = LOG_KEYS) {
  const faults: AuditFault[] = []
  let verdict: AuditVerdict | undefined
  for await (const finding of verifyAudit(log.source(), keys)) {
    if (finding.kind === 'fault') faults.push(finding.fault)
    if (finding.kind === 'verdict') ({ verdict } = finding)
  }
  if (verdict === undefined) throw new Error('no verdict')
  expect(verdict.isSound).toBe(faults.length === 0)
  expect(verdict.faultCount).toBe(faults.length)
  return { faults, verdict }
}

async function faultsOf(log: TestLog): Promise<AuditFault[]> {
  return (await verify(log)).faults
}

const EU = { tenantId: TENANT, database: 'eu' }

let log: TestLog
let eu: LogDatabase
/** Ten rows of a tenant in `eu`, signed at 3 and 7; another tenant and database beside it. */
beforeEach(() => {
  log = new TestLog(['control', 'eu'])
  eu = log.database('eu')
  log.append('control', TENANT, texts(4))
  log.append('control', OTHER, texts(2))
  log.append('eu', OTHER, texts(2))
  log.append('eu', TENANT, texts(3))
  log.sign(TENANT)
  log.append('eu', TENANT, texts(4))
  log.sign(TENANT)
  log.sign(OTHER)
  log.append('eu', TENANT, texts(3))
})

const rowAt = (seq: number) => {
  const found = log.rowsOf('eu', TENANT).find((row) => row.seq === seq)
  if (found === undefined) throw new Error(`no row ${seq}`)
  return found
}

const headOfTenant = () => {
  const found = eu.heads.find(({ tenantId }) => tenantId === TENANT)
  if (found === undefined) throw new Error('no head')
  return found
}

const remove = (isGone: (seq: number) => boolean) => {
  eu.rows = eu.rows.filter((row) => row.tenantId !== TENANT || !isGone(row.seq))
}

const edited = (seq: number) => canonicalJson(entryOf(TENANT, `another row ${seq}`))

describe('a log nobody touched', () => {
  test('is sound, with counts of all there is', async () => {
    expect(await verify(log)).toEqual({
      faults: [],
      verdict: {
        isSound: true,
        faultCount: 0,
        tenantCount: 3, // the installation has no row
        chainCount: 4,
        rowCount: 18,
        checkpointCount: 3,
      },
    })
  })

  test('is sound without any key too, and when it is empty', async () => {
    expect((await verify(log, { seal: undefined, checkpoint: undefined })).faults).toEqual([])
    expect(await faultsOf(new TestLog(['control']))).toEqual([])
  })

  test('is sound however long it is, page after page', async () => {
    log.append('eu', OTHER, texts(PAGE_ROW_COUNT * 2 - 2))
    log.sign(OTHER)
    log.append('eu', TENANT, texts(PAGE_ROW_COUNT * 2))
    expect(await faultsOf(log)).toEqual([])
  })
})

describe('without any key, the first bad row is named after', () => {
  test('an edit', async () => {
    rowAt(5).entry = edited(5)
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 5, code: 'row_changed' }])
  })

  test('an edit that carries a hash of its own', async () => {
    const row = rowAt(5)
    row.entry = edited(5)
    row.hash = hashOf(row, rowAt(4).hash, 'eu')
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 5, code: 'row_forged' }])
  })

  test('an edit after which every later hash was computed anew', async () => {
    rowAt(5).entry = edited(5)
    for (let seq = 5; seq <= 10; seq++)
      rowAt(seq).hash = hashOf(rowAt(seq), rowAt(seq - 1).hash, 'eu')
    headOfTenant().hash = rowAt(10).hash
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 5, code: 'row_forged' }])
  })

  test('a deleted row', async () => {
    remove((seq) => seq === 5)
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 5, code: 'row_missing' }])
  })

  test('a deleted row, the later ones moved up', async () => {
    remove((seq) => seq === 5)
    for (const row of log.rowsOf('eu', TENANT)) if (row.seq > 5) row.seq--
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 5, code: 'row_changed' }])
  })

  test('two rows that changed places', async () => {
    const [first, second] = [rowAt(4), rowAt(9)]
    ;[first.seq, second.seq] = [second.seq, first.seq]
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 4, code: 'row_changed' }])
  })

  test('a row that was copied from another tenant or database', async () => {
    const foreign = log.rowsOf('eu', OTHER)[1]
    Object.assign(rowAt(2), { ...foreign, tenantId: TENANT })
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 2, code: 'row_changed' }])
  })

  test('a cut tail', async () => {
    remove((seq) => seq > 8)
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 9, code: 'tail_cut' }])
  })

  test('a cut tail with a head made from the last row', async () => {
    remove((seq) => seq > 8)
    const { seq, hash, seal } = rowAt(8)
    Object.assign(headOfTenant(), { seq, hash, seal })
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 9, code: 'head_forged' }])
  })

  test('a row that was added', async () => {
    const [row] = nextRows([entryOf(TENANT, 'added')], {
      code: 'eu',
      head: headOfTenant(),
      sealKey: createSecretKey(Buffer.alloc(32, 9)),
    }).rows
    if (row === undefined) throw new Error('no row')
    eu.rows.push({ ...row })
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 11, code: 'row_forged' }])
  })

  test('a removed head', async () => {
    eu.heads = eu.heads.filter(({ tenantId }) => tenantId !== TENANT)
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 10, code: 'head_missing' }])
  })

  test('an old copy of the database, up to the last checkpoint', async () => {
    const old = log.copy()
    log.append('eu', TENANT, texts(5))
    log.sign(TENANT)
    log.databases = log.databases.map((each) => (each.code === 'eu' ? old.database('eu') : each))
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 11, throughSeq: 15, code: 'rolled_back' }])
  })

  test('a database that was emptied, or is gone', async () => {
    eu.rows = []
    eu.heads = []
    const both = (code: FaultCode): AuditFault[] => [
      { ...EU, seq: 1, throughSeq: 7, code },
      { ...EU, tenantId: OTHER, seq: 1, throughSeq: 2, code },
    ]
    expect(await faultsOf(log)).toEqual(both('chain_missing'))
    log.databases = log.databases.filter(({ code }) => code !== 'eu')
    expect(await faultsOf(log)).toEqual(both('database_missing'))
  })

  test('several of these: the first bad row of each chain', async () => {
    rowAt(9).entry = edited(9)
    rowAt(6).entry = edited(6)
    const [first] = log.rowsOf('control', OTHER)
    if (first === undefined) throw new Error('no row')
    first.atMs++
    expect(await faultsOf(log)).toEqual([
      { ...EU, seq: 6, code: 'row_changed' },
      { tenantId: OTHER, database: 'control', seq: 1, code: 'row_changed' },
    ])
  })
})

describe('with the seal key stolen', () => {
  test('rows that were written anew differ from a checkpoint, after the last one it confirms', async () => {
    log.rebuild('eu', TENANT, { seq: 5, text: 'as if nothing had been' })
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 4, throughSeq: 7, code: 'rebuilt' }])
  })

  test('a tail that was cut and sealed again is missed by a checkpoint', async () => {
    remove((seq) => seq > 5)
    const { tenantId, seq, hash } = rowAt(5)
    const head = { tenantId, seq, hash }
    const seal = sealOf('head', head, { code: 'eu', sealKey: LOG_KEYS.seal })
    Object.assign(headOfTenant(), { ...head, seal })
    expect(await faultsOf(log)).toEqual([{ ...EU, seq: 6, throughSeq: 7, code: 'rolled_back' }])
  })

  test('checkpoints that were removed, changed or signed by another key are named', async () => {
    const control = { tenantId: TENANT, database: 'control' }
    const [first, second] = log.checkpoints
    if (first === undefined || second === undefined) throw new Error('no checkpoint')
    const original = [...log.checkpoints]
    log.checkpoints = original.filter((each) => each !== first)
    expect(await faultsOf(log)).toEqual([{ ...control, seq: 1, code: 'checkpoint_missing' }])
    log.checkpoints = [first, { ...second, body: second.body.replace(/"seq":7/, '"seq":6') }]
    expect(await faultsOf(log)).toEqual([{ ...control, seq: 2, code: 'checkpoint_forged' }])
    const thief = generateKeyPairSync('ed25519').privateKey
    const body = parseBody(second.body)
    if (body === undefined) throw new Error('no body')
    log.checkpoints = [first, signCheckpoint(body, thief, second.keyId)]
    expect(await faultsOf(log)).toEqual([{ ...control, seq: 2, code: 'checkpoint_forged' }])
    const unlinked = signCheckpoint({ ...body, previous: '0' }, LOG_PRIVATE_KEY, second.keyId)
    log.checkpoints = [first, unlinked]
    expect(await faultsOf(log)).toEqual([{ ...control, seq: 2, code: 'checkpoint_unlinked' }])
    const heads = { ...body.heads, eu: { seq: 2, hash: rowAt(2).hash } }
    log.checkpoints = [first, signCheckpoint({ ...body, heads }, LOG_PRIVATE_KEY, second.keyId)]
    expect(await faultsOf(log)).toEqual([{ ...control, seq: 2, code: 'checkpoint_behind' }])
  })
})

describe('any single change of one character', () => {
  const FIELDS = ['tenantId', 'seq', 'atMs', 'entry', 'hash', 'seal'] as const

  test('of any field of any row of any log is found, and that row is named', async () => {
    const change = fc.record({
      sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
      row: fc.nat(),
      field: fc.constantFrom(...FIELDS),
      at: fc.nat(),
      character: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ sizes, row: wanted, field, at, character }) => {
        const made = new TestLog(['control', 'eu'])
        for (const size of sizes) {
          made.append('eu', TENANT, texts(size))
          made.sign(TENANT)
        }
        const rows = made.rowsOf('eu', TENANT)
        const row = rows[wanted % rows.length]
        if (row === undefined) throw new Error('no row')
        const before = String(row[field])
        const text =
          before.slice(0, at % before.length) + character + before.slice((at % before.length) + 1)
        const isNumber = field === 'seq' || field === 'atMs'
        if (text === before || (isNumber && !/^[1-9]\d*$/.test(text))) return
        const { seq } = row
        if (field === 'seq' && rows.some((each) => each.seq === Number(text))) return // its key
        Object.assign(row, { [field]: isNumber ? Number(text) : text })
        const [fault] = await faultsOf(made)
        expect(fault).toMatchObject({ tenantId: TENANT, database: 'eu', seq })
      }),
      { numRuns: 500 },
    )
  })

  test('of any head or checkpoint is found', async () => {
    const change = fc.record({
      isHead: fc.boolean(),
      field: fc.constantFrom('hash', 'seal', 'body', 'signature', 'keyId'),
      at: fc.nat(),
      character: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ isHead, field, at, character }) => {
        const made = new TestLog(['eu'])
        made.append('eu', TENANT, texts(3))
        made.sign(TENANT)
        const record = isHead ? made.database('eu').heads[0] : made.checkpoints[0]
        const values = record as unknown as Record<string, unknown>
        const before = values[field]
        if (typeof before !== 'string') return
        const text =
          before.slice(0, at % before.length) + character + before.slice((at % before.length) + 1)
        if (text === before) return
        values[field] = text
        expect(await faultsOf(made)).not.toEqual([])
      }),
      { numRuns: 500 },
    )
  })
})
