/** Started by the durability tests: commits to the SQLite store of a directory until killed. */
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { DOCUMENT_UNITS } from './document-units.ts'
import { HISTORY_UNITS } from './history-units.ts'
import { REGIONS } from './records.ts'
import { SESSION_UNITS } from './session-units.ts'
import { commitUnits, RECORD_UNITS } from './store-units.ts'

const UNITS = new Map([
  ['records', RECORD_UNITS],
  ['sessions', SESSION_UNITS],
  ['documents', DOCUMENT_UNITS],
  ['history', HISTORY_UNITS],
])

const [dataDir, part = ''] = process.argv.slice(2)
const units = UNITS.get(part)
if (dataDir === undefined || units === undefined)
  throw new Error('usage: bun sqlite-writer.ts DATA_DIR records|sessions|documents|history')
await commitUnits(await openSqliteStore({ dataDir, regions: REGIONS }), units, (line) => {
  writeSync(process.stdout.fd, `${line}\n`)
})
