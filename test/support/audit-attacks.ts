/**
 * Started by the attack test on the files of a stopped server: `bun audit-attacks.ts DATA_DIR
 * ATTACK TENANT SEQ`. Each does what somebody could who has the files, and more where it says so.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { hashOf, sealOf } from '../../packages/server/src/credentials/audit/chain.ts'
import { openAuditKeys } from '../../packages/server/src/credentials/installation-keys.ts'
import { parseMasterKey } from '../../packages/server/src/credentials/master-key.ts'
import type { AuditHead, AuditRow } from '../../packages/server/src/ports/records/audit.ts'

const CODE = 'eu'
const [dataDir = '', attack = '', tenant = '', seqText = ''] = process.argv.slice(2)
const SEQ = Number(seqText)
const regionFile = join(dataDir, `region-${CODE}.db`)

interface StoredRow {
  readonly seq: number
  readonly at_ms: number
  readonly entry: string
  readonly hash: string
  readonly seal: string
}

function inRegion(change: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(regionFile)
  change(database)
  database.close()
}

const rowAt = (database: DatabaseSync, seq: number): StoredRow =>
  database
    .prepare('SELECT * FROM audit WHERE tenant_id = ? AND seq = ?')
    .get(tenant, seq) as unknown as StoredRow

/** What the row said becomes something harmless. */
function falsify(database: DatabaseSync): void {
  const { entry } = rowAt(database, SEQ)
  const falsified = entry.replace(/"ip":"[^"]*"/, '"ip":"203.0.113.9"')
  if (falsified === entry) throw new Error('nothing to falsify')
  database
    .prepare('UPDATE audit SET entry = ? WHERE tenant_id = ? AND seq = ?')
    .run(falsified, tenant, SEQ)
}

/** The key that seals, as who has the master key reads it. */
function stolenSealKey() {
  const masterKey = parseMasterKey(readFileSync(join(dataDir, 'master.key'), 'utf8'))
  if (!masterKey.ok) throw new Error('the master key does not parse')
  const control = new DatabaseSync(join(dataDir, 'control.db'))
  const rows = control.prepare('SELECT * FROM installation_keys').all() as unknown as {
    name: string
    sealed: string
    created_at_ms: number
  }[]
  control.close()
  const records = rows.map(({ name, sealed, created_at_ms: createdAtMs }) => {
    return { name, sealed, createdAtMs }
  })
  const opened = openAuditKeys(records, masterKey.value)
  if (!opened.ok || opened.value.seal === undefined) throw new Error('no seal key')
  return opened.value.seal
}

/** Every hash from the falsified row on anew; with a key every seal and the head too. */
function rebuild(database: DatabaseSync, sealKey: ReturnType<typeof stolenSealKey> | undefined) {
  let last: Pick<AuditHead, 'tenantId' | 'seq' | 'hash'> = {
    tenantId: tenant,
    seq: SEQ - 1,
    hash: rowAt(database, SEQ - 1).hash,
  }
  const { count } = database
    .prepare('SELECT count(*) AS count FROM audit WHERE tenant_id = ?')
    .get(tenant) as unknown as { count: number }
  for (let seq = SEQ; seq <= count; seq++) {
    const { at_ms: atMs, entry, seal } = rowAt(database, seq)
    const row: Pick<AuditRow, 'tenantId' | 'seq' | 'atMs' | 'entry'> = {
      tenantId: tenant,
      seq,
      atMs,
      entry,
    }
    last = { tenantId: tenant, seq, hash: hashOf(row, last.hash, CODE) }
    const sealed = sealKey === undefined ? seal : sealOf('row', last, { code: CODE, sealKey })
    database
      .prepare('UPDATE audit SET hash = ?, seal = ? WHERE tenant_id = ? AND seq = ?')
      .run(last.hash, sealed, tenant, seq)
  }
  database.prepare('UPDATE audit_heads SET hash = ? WHERE tenant_id = ?').run(last.hash, tenant)
  if (sealKey === undefined) return
  database
    .prepare('UPDATE audit_heads SET seal = ? WHERE tenant_id = ?')
    .run(sealOf('head', last, { code: CODE, sealKey }), tenant)
}

const ATTACKS: Readonly<Record<string, () => void>> = {
  edit: () => inRegion(falsify),
  delete: () =>
    inRegion((database) =>
      database.prepare('DELETE FROM audit WHERE tenant_id = ? AND seq = ?').run(tenant, SEQ),
    ),
  swap: () =>
    inRegion((database) => {
      const move = database.prepare('UPDATE audit SET seq = ? WHERE tenant_id = ? AND seq = ?')
      move.run(-1, tenant, SEQ)
      move.run(SEQ, tenant, SEQ + 1)
      move.run(SEQ + 1, tenant, -1)
    }),
  'cut-tail': () =>
    inRegion((database) =>
      database.prepare('DELETE FROM audit WHERE tenant_id = ? AND seq >= ?').run(tenant, SEQ),
    ),
  'cut-tail-and-head': () =>
    inRegion((database) => {
      database.prepare('DELETE FROM audit WHERE tenant_id = ? AND seq >= ?').run(tenant, SEQ)
      const { seq, hash, seal } = rowAt(database, SEQ - 1)
      database
        .prepare('UPDATE audit_heads SET seq = ?, hash = ?, seal = ? WHERE tenant_id = ?')
        .run(seq, hash, seal, tenant)
    }),
  'rebuild-hashes': () =>
    inRegion((database) => {
      falsify(database)
      rebuild(database, undefined)
    }),
  'rebuild-with-stolen-key': () => {
    const key = stolenSealKey()
    inRegion((database) => {
      falsify(database)
      rebuild(database, key)
    })
  },
  'rewrite-with-every-key': () => {
    ATTACKS['rebuild-with-stolen-key']?.()
    const control = new DatabaseSync(join(dataDir, 'control.db'))
    // The server signs the heads anew as if it were for the first time.
    control.exec('DELETE FROM audit_checkpoints')
    control.close()
  },
  'drop-region': () => rmSync(regionFile),
}

const carryOut = ATTACKS[attack]
if (carryOut === undefined) throw new Error(`there is no attack ${attack}`)
carryOut()
