/** Which region a database file belongs to, so that files cannot be mixed up. */
import type { RegionPlace } from '../../ports/store.ts'
import type { Connection } from './connection.ts'
import { placeOutage } from './failures.ts'

/**
 * Gives a new database to a region. Idempotent.
 * @throws Outage when the database belongs to another region.
 */
export async function claimPlace(
  connection: Connection,
  { place, file }: { readonly place: RegionPlace; readonly file: string },
): Promise<void> {
  const [found] = await connection.runAll([
    { sql: 'SELECT region, db_code FROM place', parameters: [] },
  ])
  const row = found?.rows[0]
  if (row === undefined) {
    const parameters = [place.region, place.dbCode]
    await connection.runAll([
      { sql: 'INSERT INTO place (region, db_code) VALUES (?, ?)', parameters },
    ])
    return
  }
  if (row['region'] === place.region && row['db_code'] === place.dbCode) return
  throw placeOutage(
    `${file} in ${connection.dataDir} is the database of the region ${String(row['region'])} ` +
      `(dbCode ${String(row['db_code'])}), not of ${place.region}: give each region its own ` +
      'dbCode back; the region of an app never changes',
  )
}
