/**
 * The files of a data directory, made with their modes before SQLite opens them: the directory
 * 0700, the databases 0600; SQLite gives its journals the mode of the database beside them.
 */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { directoryOutage } from './failures.ts'

const DIRECTORY_MODE = 0o700
const FILE_MODE = 0o600
const OTHERS_MASK = 0o077

/** The database of tenants, apps and their sealed secrets. */
export const CONTROL_DATABASE_FILE = 'control.db'

export interface DataFiles {
  readonly lockFile: string
  readonly controlFile: string
}

/**
 * Makes what is missing and takes other users' rights from the databases. Idempotent.
 * @throws Outage when the directory cannot be made or written.
 */
export function prepareDataDirectory(dataDir: string): DataFiles {
  const files = {
    lockFile: join(dataDir, 'lock.db'),
    controlFile: join(dataDir, CONTROL_DATABASE_FILE),
  }
  try {
    if (mkdirSync(dataDir, { recursive: true, mode: DIRECTORY_MODE }) !== undefined)
      syncDirectory(dirname(resolve(dataDir)))
    for (const file of [files.lockFile, files.controlFile]) makeFile(file)
    syncDirectory(dataDir)
  } catch (error) {
    throw directoryOutage(error, dataDir)
  }
  return files
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
