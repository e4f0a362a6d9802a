/**
 * The files of a data directory, made with their modes before SQLite opens them: the directory
 * 0700, the databases 0600; SQLite gives its journals the mode of the database beside them.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { RegionPlace } from '../../ports/store.ts'
import { directoryOutage, placeOutage } from './failures.ts'
import { CONTROL_DATABASE_FILE, findDbCode, LOCK_FILE, regionFileOf } from './file-names.ts'

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600
const OTHERS_MASK = 0o077

export interface DataFiles {
  readonly lockFile: string
  readonly controlFile: string
  /** In the order of the regions. */
  readonly regionFiles: readonly string[]
}

/**
 * Makes what is missing and takes other users' rights from the databases. Idempotent.
 * @throws Outage when the directory cannot be made or written, or holds the database of a region
 * that is not among `regions`; nothing is made then.
 */
export function prepareDataDirectory(dataDir: string, regions: readonly RegionPlace[]): DataFiles {
  const files = {
    lockFile: join(dataDir, LOCK_FILE),
    controlFile: join(dataDir, CONTROL_DATABASE_FILE),
    regionFiles: regions.map(({ dbCode }) => join(dataDir, regionFileOf(dbCode))),
  }
  try {
    if (mkdirSync(dataDir, { recursive: true, mode: DIRECTORY_MODE }) !== undefined)
      syncDirectory(dirname(resolve(dataDir)))
    refuseStrayRegions(dataDir, regions)
    for (const file of [files.lockFile, files.controlFile, ...files.regionFiles]) makeFile(file)
    syncDirectory(dataDir)
  } catch (error) {
    throw directoryOutage(error, dataDir)
  }
  return files
}

/**
 * Makes one more database file in a prepared directory. Idempotent.
 * @throws Outage when it cannot be made.
 */
export function prepareDataFile(dataDir: string, name: string): string {
  const file = join(dataDir, name)
  try {
    makeFile(file)
    syncDirectory(dataDir)
  } catch (error) {
    throw directoryOutage(error, dataDir)
  }
  return file
}

/** A region left out of the configuration by mistake would look as if its apps were gone. */
function refuseStrayRegions(dataDir: string, regions: readonly RegionPlace[]): void {
  const known = new Set(regions.map(({ dbCode }) => dbCode))
  for (const name of readdirSync(dataDir)) {
    const dbCode = findDbCode(name)
    if (dbCode === undefined || known.has(dbCode)) continue
    throw placeOutage(
      `${name} in ${dataDir} belongs to a region that is not configured: put the region with the ` +
        `dbCode ${dbCode} back into the configuration; if nothing of it is needed any more, move ` +
        `${name} and the files that begin with this name out of the directory`,
    )
  }
}

function makeFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', FILE_MODE))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    // Not opened: closing any descriptor of a file drops every lock this process has on it.
    if ((statSync(file).mode & OTHERS_MASK) !== 0) chmodSync(file, FILE_MODE)
  }
}

/** Makes new names survive power loss. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return // it neither allows nor needs this
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
