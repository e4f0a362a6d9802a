/** Started by the durability tests: commits to the SQLite store of a directory until killed. */
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { REGIONS } from './records.ts'
import { SESSION_UNITS } from './session-units.ts'
import { commitUnits, RECORD_UNITS } from './store-units.ts'

const [dataDir, part] = process.argv.slice(2)
if (dataDir === undefined) throw new Error('usage: bun sqlite-writer.ts DATA_DIR records|sessions')
const units = part === 'sessions' ? SESSION_UNITS : RECORD_UNITS
await commitUnits(await openSqliteStore({ dataDir, regions: REGIONS }), units, (line) => {
  writeSync(process.stdout.fd, `${line}\n`)
})
