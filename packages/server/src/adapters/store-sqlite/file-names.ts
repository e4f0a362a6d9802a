/** What the files of a data directory are called. Pure. */

/** The database of tenants, members, plans and names. */
export const CONTROL_DATABASE_FILE = 'control.db'

/** Held exclusively by the one process that uses the directory. */
export const LOCK_FILE = 'lock.db'

const DB_CODE = /^[a-z0-9-]{1,64}$/
const REGION_FILE = /^region-(.+)\.db$/

/**
 * The database of one region.
 * @param dbCode lowercase letters, digits and `-`; anything else is a bug, never a path.
 */
export function regionFileOf(dbCode: string): string {
  if (!DB_CODE.test(dbCode)) throw new Error('a dbCode is lowercase letters, digits and -')
  return `region-${dbCode}.db`
}

/** What outlives MQTT connections in one region; @param dbCode as of {@link regionFileOf}. */
export function sessionsFileOf(dbCode: string): string {
  if (!DB_CODE.test(dbCode)) throw new Error('a dbCode is lowercase letters, digits and -')
  return `sessions-${dbCode}.db`
}

/** Messages of channels that are kept in one region; @param dbCode as of {@link regionFileOf}. */
export function historyFileOf(dbCode: string): string {
  if (!DB_CODE.test(dbCode)) throw new Error('a dbCode is lowercase letters, digits and -')
  return `history-${dbCode}.db`
}

/** Documents that are kept in one region; @param dbCode as of {@link regionFileOf}. */
export function documentsFileOf(dbCode: string): string {
  if (!DB_CODE.test(dbCode)) throw new Error('a dbCode is lowercase letters, digits and -')
  return `documents-${dbCode}.db`
}

/** @returns the dbCode a file name stands for; undefined for any other file. */
export function findDbCode(fileName: string): string | undefined {
  return REGION_FILE.exec(fileName)?.[1]
}
