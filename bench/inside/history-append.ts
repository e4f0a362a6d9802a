/**
 * Messages of channels into the history store, durable: a thousand at a time, each in a channel of
 * its own, which is the dearest there is; all in one channel; and one by one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { added } from '../../test/contract/history-records.ts'
import { REGIONS } from '../../test/contract/records.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

/** Messages of one commit. */
const BATCH_COUNT = 1_000
const DATA = JSON.stringify({ text: 'x'.repeat(200) })

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const store = await openSqliteStore({ dataDir: folder, regions: REGIONS })
const history = store.regions.get('local')?.history
if (history === undefined) throw new Error('there is no region')
let count = 0

async function append(batchCount: number, channelCount: number): Promise<void> {
  const writes = Array.from({ length: batchCount }, () => {
    const sequence = ++count
    const id = `message-${sequence.toString(36).padStart(12, '0')}`
    return added(sequence, { channel: `rooms:${sequence % channelCount}`, data: DATA, id })
  })
  await history?.apply(writes)
}

const spread = await timeCalls(secondsAsked(), () => append(BATCH_COUNT, BATCH_COUNT))
const hot = await timeCalls(secondsAsked() / 2, () => append(BATCH_COUNT, 1))
const lone = await timeCalls(secondsAsked() / 2, () => append(1, 1))
const kept = await history.usage('app-1')
if (kept.messageCount !== count) throw new Error('messages are missing')
print({
  cpuUs: spread.cpuUs / BATCH_COUNT,
  coreRate: (1e6 * BATCH_COUNT) / spread.cpuUs,
  wallRate: (1e6 * BATCH_COUNT) / spread.wallUs,
  hotRate: (1e6 * BATCH_COUNT) / hot.cpuUs,
  loneRate: 1e6 / lone.wallUs,
})
await store.close()
rmSync(folder, { recursive: true })
