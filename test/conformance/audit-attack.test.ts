/**
 * The audit log under attack: real files of a stopped server, tampered with as somebody could who
 * has them. Verification says all is sound before, and names the first bad row after each attack.
 */
import assert from 'node:assert/strict'
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { AttackedLog, SOUND } from '../support/attacked-log.ts'
import { test } from '../support/test.ts'

const log = new AttackedLog()
before(() => log.write())
after(() => log.remove())

test('before any attack all is sound, inside and against the witness', () => {
  assert.deepEqual(log.offline(log.whole, ...log.withWitness), SOUND)
  assert.ok(log.signedSeq >= 4)
})

const ATTACKS: Readonly<Record<string, { code: string; at: (signed: number) => number }>> = {
  edit: { code: 'row_changed', at: () => 3 },
  delete: { code: 'row_missing', at: () => 3 },
  swap: { code: 'row_changed', at: () => 3 },
  'cut-tail': { code: 'tail_cut', at: (signed) => signed + 2 },
  'cut-tail-and-head': { code: 'head_forged', at: (signed) => signed + 2 },
  'rebuild-hashes': { code: 'row_forged', at: () => 3 },
}

for (const [name, { code, at }] of Object.entries(ATTACKS)) {
  test(`${name}: the first bad row is named`, () => {
    const seq = at(log.signedSeq)
    const dataDir = log.attacked(name, seq)
    assert.deepEqual(log.offline(dataDir), log.found({ seq, code }))
  })
}

test('a chain written anew with the stolen seal key differs from what was signed', () => {
  const seq = log.signedSeq + 1
  const dataDir = log.attacked('rebuild-with-stolen-key', seq)
  const fault = { seq, throughSeq: log.lastSeq, code: 'rebuilt' }
  assert.deepEqual(log.offline(dataDir), log.found(fault))
})

test('an old copy of one database ends before what was signed', () => {
  const dataDir = log.copy('rolled-back')
  cpSync(join(log.earlier, 'region-eu.db'), join(dataDir, 'region-eu.db'))
  const fault = { seq: log.signedSeq + 1, throughSeq: log.lastSeq, code: 'rolled_back' }
  assert.deepEqual(log.offline(dataDir), log.found(fault))
})

test('a database that was dropped is missed', () => {
  const fault = { seq: 1, throughSeq: log.lastSeq, code: 'database_missing' }
  assert.deepEqual(log.offline(log.attacked('drop-region', 0)), log.found(fault))
})

test('a whole directory that was put back as it once was is shown by the witness alone', () => {
  assert.deepEqual(log.offline(log.earlier), SOUND)
  const { status, faults } = log.offline(log.earlier, ...log.withWitness)
  assert.equal(status, 1)
  const inEu = faults.filter(({ database }) => database === 'eu')
  const fault = { seq: log.signedSeq + 1, throughSeq: log.lastSeq, code: 'less_than_witnessed' }
  assert.deepEqual({ status, faults: inEu }, log.found(fault))
})

test('verification without a server changes no file, and says when it has no keys', () => {
  const dataDir = log.copy('evidence')
  const files = ['control.db', 'region-eu.db', 'region-local.db']
  const contents = () => files.map((name) => readFileSync(join(dataDir, name), 'latin1'))
  const unread = contents()
  rmSync(join(dataDir, 'master.key'))
  const run = (...more: readonly string[]) => log.run(['--offline', '--data-dir', dataDir, ...more])
  const { status, stdout, stderr } = run('--public-key', log.publicKey)
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^Sound: \d+ tenants?, \d+ chains?, \d+ rows?, \d+ checkpoints?\.\n$/)
  assert.match(stderr, /seals are not looked at: .*master\.key/)
  assert.deepEqual(contents(), unread)
  assert.equal(run('--public-key', log.witness).status, 2)
  assert.equal(run('--witness', join(log.home, 'none')).status, 2)
})
