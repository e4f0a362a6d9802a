/**
 * Turns what SQLite and the file system say into outages and conflicts, with a text that tells the
 * operator what to do, naming the file. Pure. Result codes: https://sqlite.org/rescode.html
 */
import { basename } from 'node:path'
import { Outage } from '../../ports/outage.ts'
import { Conflict, type ConflictRule } from '../../ports/store.ts'
import { CONTROL_DATABASE_FILE, LOCK_FILE } from './file-names.ts'
import type { WorkerFailure } from './worker-protocol.ts'

/** Primary result codes: the low byte of an extended one. */
const PERM = 3
const BUSY = 5
const LOCKED = 6
const NOMEM = 7
const READONLY = 8
const INTERRUPT = 9
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const PROTOCOL = 15
const NOLFS = 22
const AUTH = 23
const NOTADB = 26

/** Extended result codes. */
const READONLY_DBMOVED = 1032
const IOERR_WRITE = 778
const IOERR_SHMSIZE = 4874
const IOERR_CORRUPTFS = 8458
const CONSTRAINT_FOREIGNKEY = 787

const UNIQUE_RULES: Readonly<Record<string, ConflictRule>> = {
  'tenants.short_id': 'tenant_short_id',
  'audit.tenant_id, audit.seq': 'stale_revision',
  'members.tenant_id, members.email': 'member_email',
  'webhook_endpoints.app_id, webhook_endpoints.name': 'webhook_name',
  'webhook_deliveries.id': 'stale_revision',
}

/** Worth another try soon: the foreign lock may be short. */
const LOCKED_RETRY_AFTER_MS = 1_000

type StoreOutageCode = keyof typeof ADVICE

/**
 * @param failure as the Worker reported it.
 * @returns a `Conflict`, an `Outage`, or a plain error where the statement was wrong (a bug).
 */
export function storeError(failure: WorkerFailure, dataDir: string): Error {
  const rule = findConflict(failure)
  if (rule !== undefined) return new Conflict(rule)
  const code = outageCodeOf(failure.resultCode)
  const file = basename(failure.file)
  if (code === undefined) return new Error(`${file} refused a statement: ${failure.message}`)
  if (code === 'store_locked') return lockedOutage(file, { dataDir, reason: failure.message })
  return new Outage(code, `${ADVICE[code](dataDir, file)} (${failure.message})`, { port: 'store' })
}

/** An error of the file system while the data directory was prepared. */
export function directoryOutage(error: unknown, dataDir: string): Outage {
  if (error instanceof Outage) return error
  const reason = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return storeOutage('store_full', dataDir, reason)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return storeOutage('store_readonly', dataDir, reason)
  return storeOutage('store_unavailable', dataDir, reason)
}

/**
 * An outage of the store as a whole.
 * @param reason what was observed; holds no parameter values.
 */
export function storeOutage(code: StoreOutageCode, dataDir: string, reason: string): Outage {
  const text = ADVICE[code](dataDir, CONTROL_DATABASE_FILE)
  return new Outage(code, `${text} (${reason})`, { port: 'store' })
}

/**
 * The data directory and the configuration do not belong together; nothing was changed.
 * @param problem a sentence that says what to do.
 */
export function placeOutage(problem: string): Outage {
  return new Outage('store_unavailable', problem, { port: 'store' })
}

/** Whether trying again soon may help: somebody else holds the lock of a database. */
export function isBusy({ resultCode }: WorkerFailure): boolean {
  return resultCode !== undefined && (resultCode & 0xff) === BUSY
}

const ADVICE = {
  store_full: (dataDir: string) =>
    `no room to write in ${dataDir}: free space, or raise the quota or file size limit; ` +
    'the change was not made, everything acknowledged before is kept',
  store_readonly: (dataDir: string) =>
    `${dataDir} cannot be written: check its owner and mode, and whether its file system is ` +
    'mounted read-only',
  store_corrupt: (dataDir: string, file: string) =>
    `${file} in ${dataDir} is damaged or not a database: keep a copy of the directory, then ` +
    `remove ${file}, ${file}-wal and ${file}-shm and put back those of one backup`,
  store_unavailable: (dataDir: string) =>
    `the store in ${dataDir} does not work: check that the directory is there and readable, then ` +
    'try again',
} as const

function lockedOutage(
  file: string,
  { dataDir, reason }: { readonly dataDir: string; readonly reason: string },
): Outage {
  const text =
    file === LOCK_FILE
      ? `another Lockgate process uses ${dataDir}: stop it, or give this one another dataDir`
      : `${file} in ${dataDir} is locked by another program: end what has it open (a backup, ` +
        'a database shell); the change was not made, everything acknowledged before is kept'
  return new Outage('store_locked', `${text} (${reason})`, {
    port: 'store',
    retryAfterMs: LOCKED_RETRY_AFTER_MS,
  })
}

function findConflict({ resultCode, message }: WorkerFailure): ConflictRule | undefined {
  if (resultCode === CONSTRAINT_FOREIGNKEY) return 'unknown_parent'
  const columns = /^UNIQUE constraint failed: (.+)$/.exec(message)?.[1]
  return columns === undefined ? undefined : UNIQUE_RULES[columns]
}

/** @returns undefined for codes that mean the statement was wrong. */
function outageCodeOf(
  resultCode: number | undefined,
): StoreOutageCode | 'store_locked' | undefined {
  if (resultCode === undefined) return undefined
  // A short write and a file that cannot grow are how a full disk, quota or size limit shows.
  if (resultCode === IOERR_WRITE || resultCode === IOERR_SHMSIZE) return 'store_full'
  if (resultCode === IOERR_CORRUPTFS) return 'store_corrupt'
  if (resultCode === READONLY_DBMOVED) return 'store_unavailable'
  return OUTAGE_BY_PRIMARY_CODE.get(resultCode & 0xff)
}

const OUTAGE_BY_PRIMARY_CODE: ReadonlyMap<number, StoreOutageCode | 'store_locked'> = new Map([
  [BUSY, 'store_locked'],
  [LOCKED, 'store_locked'],
  [FULL, 'store_full'],
  [PERM, 'store_readonly'],
  [READONLY, 'store_readonly'],
  [AUTH, 'store_readonly'],
  [CORRUPT, 'store_corrupt'],
  [NOTADB, 'store_corrupt'],
  [IOERR, 'store_unavailable'],
  [CANTOPEN, 'store_unavailable'],
  [NOMEM, 'store_unavailable'],
  [INTERRUPT, 'store_unavailable'],
  [PROTOCOL, 'store_unavailable'],
  [NOLFS, 'store_unavailable'],
])
