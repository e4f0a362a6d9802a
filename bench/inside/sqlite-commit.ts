/** One row and one commit at a time, as durable as ours: journal on disk before the answer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

/** About as long as an audit row. */
const TEXT = 'x'.repeat(400)

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const database = new DatabaseSync(join(folder, 'bare.db'))
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n, text)')
const insert = database.prepare('INSERT INTO t VALUES (?, ?)')
const { cpuUs, wallUs } = await timeCalls(secondsAsked(), (index) => insert.run(index, TEXT))
database.close()
rmSync(folder, { recursive: true })
const rate = 1e6 / wallUs
print({ cpuUs, coreRate: 1e6 / cpuUs, wallRate: rate, appendRate: rate, changeRate: rate })
