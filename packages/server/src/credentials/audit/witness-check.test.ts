import { beforeEach, describe, expect, test } from 'bun:test'
import { LOG_KEYS, TestLog } from '../../../../../test/support/audit-log.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import type { AuditFault } from './faults.ts'
import { verifyAudit } from './verification.ts'
import { checkWitness } from './witness-check.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const OTHER = '9c1f2b34-0000-4000-8000-000000000001'
const EU = { tenantId: TENANT, database: 'eu' }
const texts = (count: number) => Array.from({ length: count }, (_, at) => `row ${at}`)

async function faultsOf(of: TestLog): Promise<AuditFault[]> {
  const faults: AuditFault[] = []
  for await (const finding of verifyAudit(of.source(), LOG_KEYS)) {
    if (finding.kind === 'fault') faults.push(finding.fault)
  }
  return faults
}

async function witnessFaults(of: TestLog, kept: readonly AuditCheckpoint[]) {
  async function* read() {
    yield* kept
  }
  const faults: AuditFault[] = []
  for await (const finding of checkWitness(of.source(), read, LOG_KEYS.checkpoint)) {
    if (finding.kind === 'fault') faults.push(finding.fault)
    if (finding.kind !== 'verdict') continue
    const { isSound, faultCount, witnessedCount } = finding.verdict
    expect([isSound, faultCount]).toEqual([faults.length === 0, faults.length])
    expect(witnessedCount).toBe(kept.length)
  }
  return faults
}

/** Ten rows of a tenant in `eu`, signed at 3 and 7; another tenant beside it. */
let log: TestLog
beforeEach(() => {
  log = new TestLog(['control', 'eu'])
  log.append('control', TENANT, texts(4))
  log.append('eu', OTHER, texts(2))
  log.append('eu', TENANT, texts(3))
  log.sign(TENANT)
  log.append('eu', TENANT, texts(4))
  log.sign(TENANT)
  log.sign(OTHER)
  log.append('eu', TENANT, texts(3))
})

describe('with every key stolen, a witness still shows', () => {
  test('nothing wrong with a log nobody touched, however often it got a checkpoint', async () => {
    const kept = [...log.checkpoints, ...log.checkpoints]
    expect(await witnessFaults(log, kept)).toEqual([])
  })

  test('rows that were written and signed anew', async () => {
    const kept = [...log.checkpoints]
    log.rebuild('eu', TENANT, { seq: 5, text: 'as if nothing had been' })
    log.checkpoints = []
    for (const tenantId of [TENANT, OTHER]) log.sign(tenantId)
    expect(await faultsOf(log)).toEqual([]) // which is why there is a witness
    expect(await witnessFaults(log, kept)).toEqual([
      { ...EU, seq: 4, throughSeq: 7, code: 'not_as_witnessed' },
    ])
  })

  test('a whole directory that was put back as it once was', async () => {
    const old = log.copy()
    log.append('eu', TENANT, texts(5))
    log.sign(TENANT)
    expect(await faultsOf(old)).toEqual([])
    expect(await witnessFaults(old, log.checkpoints)).toEqual([
      { ...EU, seq: 11, throughSeq: 15, code: 'less_than_witnessed' },
    ])
  })

  test('a database that is gone with every checkpoint that named it', async () => {
    const kept = [...log.checkpoints]
    log.databases = log.databases.filter(({ code }) => code !== 'eu')
    log.checkpoints = []
    expect(await faultsOf(log)).toEqual([])
    const codes = (await witnessFaults(log, kept)).map(({ code }) => code)
    expect(codes).toEqual(['database_missing', 'database_missing'])
  })

  test('the earlier of two histories that were both signed', async () => {
    const first = [...log.checkpoints]
    log.rebuild('eu', TENANT, { seq: 5, text: 'as if nothing had been' })
    log.append('eu', TENANT, texts(3))
    log.sign(TENANT)
    expect(await witnessFaults(log, [...first, ...log.checkpoints])).toEqual([
      { ...EU, seq: 4, throughSeq: 7, code: 'not_as_witnessed' },
    ])
  })

  test('rows that a server gives out otherwise than they were hashed', async () => {
    const row = log.rowsOf('eu', TENANT).find(({ seq }) => seq === 5)
    if (row === undefined) throw new Error('no row')
    row.entry = row.entry.replace('row 1', 'row x')
    expect(await witnessFaults(log, log.checkpoints)).toEqual([
      { ...EU, seq: 5, code: 'row_changed' },
    ])
  })

  test('that a checkpoint it has is not one of the server', async () => {
    const [first] = log.checkpoints
    if (first === undefined) throw new Error('no checkpoint')
    const forged = { ...first, atMs: first.atMs + 1 }
    expect(await witnessFaults(log, [forged])).toEqual([
      { tenantId: TENANT, database: 'control', seq: 1, code: 'witness_forged' },
    ])
  })
})
