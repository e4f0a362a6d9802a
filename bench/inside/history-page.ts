/**
 * Pages of 50 messages out of a history file with ten million, anywhere in their channels. The file
 * is filled by SQLite itself; what is measured goes through the store.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { added, queryOf } from '../../test/contract/history-records.ts'
import { REGIONS } from '../../test/contract/records.ts'
import { print, secondsAsked } from './stopwatch.ts'

const CHANNEL_COUNT = 1_000
/** Of each channel; the second number on the command line where it is tried with fewer. */
const DEPTH = Number(process.argv[3] ?? 10_000)
const PAGE_COUNT = 50
const DATA = JSON.stringify({ text: 'x'.repeat(80) })

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const open = () => openSqliteStore({ dataDir: folder, regions: REGIONS })
await fill()
const store = await open()
const history = store.regions.get('local')?.history
if (history === undefined) throw new Error('there is no region')
await readPages(secondsAsked() / 3)
const times = (await readPages(secondsAsked())).sort((a, b) => a - b)
print({
  pageMs: quantile(0.5),
  p99Ms: quantile(0.99),
  messages: (await history.usage('app-1')).messageCount,
})
await store.close()
rmSync(folder, { recursive: true })

/** Channels by the store; then their messages at one time each, as if they had come in turns. */
async function fill(): Promise<void> {
  const empty = await open()
  const first = Array.from({ length: CHANNEL_COUNT }, (_, at) =>
    added(1, { channel: `rooms:${at}`, timestampMs: at + 1 }),
  )
  await empty.regions.get('local')?.history.apply(first)
  await empty.close()
  const database = new DatabaseSync(join(folder, 'history-local.db'))
  database.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -262144')
  database.exec('DELETE FROM messages; DROP INDEX messages_by_age')
  const insert = database.prepare(`INSERT INTO messages
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
    SELECT ?1, n * ${CHANNEL_COUNT} + ?1, n, 1, 200, 'message-' || n, 'client-1', ?3 FROM numbers`)
  for (let channel = 1; channel <= CHANNEL_COUNT; channel++) insert.run(channel, DEPTH, DATA)
  database.exec('CREATE INDEX messages_by_age ON messages (app, timestamp_ms)')
  database.exec(
    `UPDATE channels SET last_sequence = ${DEPTH}, oldest_ms = ${CHANNEL_COUNT} + number`,
  )
  database.exec(`UPDATE apps SET message_count = ${CHANNEL_COUNT * DEPTH}`)
  database.close()
}

/** @returns milliseconds of each page. */
async function readPages(seconds: number): Promise<number[]> {
  const untilMs = performance.now() + seconds * 1000
  const found: number[] = []
  while (performance.now() < untilMs) {
    const middleMs = Math.floor(Math.random() * (DEPTH - PAGE_COUNT)) * CHANNEL_COUNT
    const channel = `rooms:${Math.floor(Math.random() * CHANNEL_COUNT)}`
    const isForward = found.length % 2 === 0
    const startMs = performance.now()
    const page = await history?.page(
      queryOf({
        channel,
        countMax: PAGE_COUNT,
        ...(isForward
          ? { direction: 'forward', afterMs: middleMs }
          : { direction: 'backward', beforeMs: middleMs + (PAGE_COUNT + 2) * CHANNEL_COUNT }),
      }),
    )
    found.push(performance.now() - startMs)
    if (page?.messages.length !== PAGE_COUNT) throw new Error('a page is not full')
  }
  return found
}

function quantile(share: number): number {
  return times[Math.floor(times.length * share)] ?? Number.NaN
}
