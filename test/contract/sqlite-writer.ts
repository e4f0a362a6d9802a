/** Started by the durability tests: commits to the SQLite store of a directory until killed. */
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { REGIONS } from './records.ts'
import { commitUnits } from './store-units.ts'

const [dataDir] = process.argv.slice(2)
if (dataDir === undefined) throw new Error('usage: bun sqlite-writer.ts DATA_DIR')
await commitUnits(await openSqliteStore({ dataDir, regions: REGIONS }), (line) => {
  writeSync(process.stdout.fd, `${line}\n`)
})
