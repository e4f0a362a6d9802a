/**
 * The audit log under attack, asked of a server that was started on what was tampered with: over
 * HTTP, and against a witness with a key that was kept elsewhere.
 */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { AttackedLog, SOUND } from '../support/attacked-log.ts'
import { test } from '../support/test.ts'

const log = new AttackedLog()
before(() => log.write())
after(() => log.remove())

test('before any attack the server finds all sound, and so does who has the witness', async () => {
  assert.deepEqual(await log.online(log.copy('untouched'), ...log.withWitness), SOUND)
})

test('the first bad row is named after an edit and after a cut tail', async () => {
  const edited = log.attacked('edit', 3)
  assert.deepEqual(await log.online(edited), log.found({ seq: 3, code: 'row_changed' }))
  const seq = log.signedSeq + 2
  const cut = log.attacked('cut-tail-and-head', seq)
  assert.deepEqual(await log.online(cut), log.found({ seq, code: 'head_forged' }))
})

test('a database that was dropped is missed though the start has made an empty one', async () => {
  const fault = { seq: 1, throughSeq: log.lastSeq, code: 'chain_missing' }
  assert.deepEqual(await log.online(log.attacked('drop-region', 0)), log.found(fault))
})

test('who holds every key and rewrites all of it is shown by the witness alone', async () => {
  const dataDir = log.attacked('rewrite-with-every-key', 3)
  // The server signs what it finds, so that nothing inside contradicts it any more.
  await log.serve(dataDir, async () => {})
  assert.deepEqual(log.offline(dataDir), SOUND)
  const fault = { seq: 1, throughSeq: log.signedSeq, code: 'not_as_witnessed' }
  assert.deepEqual(log.offline(dataDir, ...log.withWitness), log.found(fault))
  assert.deepEqual(await log.online(dataDir, ...log.withWitness), log.found(fault))
})
