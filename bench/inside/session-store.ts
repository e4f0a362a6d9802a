/**
 * Messages of MQTT sessions on their way through the session store: queued, then done. In batches,
 * as the journal of a busy server writes them, and one by one with nothing beside them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { REGIONS } from '../../test/contract/records.ts'
import { messageOfBytes, queued, receiverOf, saved } from '../../test/contract/session-records.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

/** Messages of one turn of the event loop, each for another session. */
const BATCH_COUNT = 100
const PAYLOAD_BYTES = 200

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const store = await openSqliteStore({ dataDir: folder, regions: REGIONS })
const sessions = store.regions.get('local')?.sessions
if (sessions === undefined) throw new Error('there is no region')
const ids = Array.from({ length: BATCH_COUNT }, (_, at) => `${crypto.randomUUID()}-${at}`)
const message = messageOfBytes(PAYLOAD_BYTES)
await sessions.apply(ids.map((id) => saved(id)))
let seq = 0

async function pass(count: number): Promise<void> {
  const at = ++seq
  const some = ids.slice(0, count)
  await sessions?.apply(some.map((id) => queued(message, receiverOf(id, at))))
  await sessions?.apply(some.map((sessionId) => ({ kind: 'done', sessionId, seq: at })))
}

const batch = await timeCalls(secondsAsked(), () => pass(BATCH_COUNT))
const lone = await timeCalls(secondsAsked(), () => pass(1))
print({
  cpuUs: batch.cpuUs / BATCH_COUNT,
  coreRate: (1e6 * BATCH_COUNT) / batch.cpuUs,
  wallRate: (1e6 * BATCH_COUNT) / batch.wallUs,
  loneRate: 1e6 / lone.wallUs,
})
await store.close()
rmSync(folder, { recursive: true })
