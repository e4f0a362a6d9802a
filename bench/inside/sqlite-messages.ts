/** A row that is inserted and a row that is deleted, each in a commit of its own: NORMAL, no more. */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

/** About what a message is with its topic and properties. */
const BODY = new Uint8Array(300)

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const database = new DatabaseSync(join(folder, 'bare.db'))
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB)')
const insert = database.prepare('INSERT INTO t VALUES (?, ?)')
const remove = database.prepare('DELETE FROM t WHERE n = ?')
const { cpuUs, wallUs } = await timeCalls(secondsAsked(), (index) => {
  insert.run(index, BODY)
  remove.run(index)
})
database.close()
rmSync(folder, { recursive: true })
print({ cpuUs, coreRate: 1e6 / cpuUs, wallRate: 1e6 / wallUs, loneRate: 1e6 / wallUs })
