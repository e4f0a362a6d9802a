/**
 * The file that holds the master key, as text; what the text means is not known here. A file is
 * made or replaced whole or not at all, survives power loss, and is never written in place.
 */
import { randomUUID } from 'node:crypto'
import {
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ok, type Result, refuse } from '@lockgate/protocol/result'

const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
const OTHERS_MASK = 0o077
/** Our bound: a key file is a few lines; anything longer is another file. */
const FILE_BYTES_MAX = 65_536

/**
 * `exposed`: other users of the machine may read or write it. `unusable`: it is no such file, or it
 * cannot be read or made; the detail says why.
 */
export type KeyFileRefusal = 'exposed' | 'unusable'

export interface KeyFile {
  readonly text: string
  /** Whether this call made the file. */
  readonly isNew: boolean
}

/**
 * Reads the file, or makes it with `makeText()` when it is not there. Two processes that start at
 * once read the same text: one makes the file, the other finds it.
 * @param path its directory is made (0700) if need be.
 */
export function loadKeyFile(path: string, makeText: () => string): Result<KeyFile, KeyFileRefusal> {
  try {
    const found = readKeyFile(path)
    if (found !== undefined) return found
    const text = makeText()
    if (makeKeyFile(path, text)) return ok({ text, isNew: true })
    return (
      readKeyFile(path) ?? refuse('unusable', `${path} was made and removed by another program`)
    )
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return refuse(
      'unusable',
      `the master key file ${path} cannot be read or made: check the owner and mode of its ` +
        `directory, or give the key in the configuration (${error.message})`,
    )
  }
}

/**
 * Replaces the text of a file that is there. At every moment, also of a power loss, the file is the
 * old one or the new one, whole, and of the same owner. One process changes a key file at a time.
 * @param change `before`: what the caller read and made `after` from. @returns `changed` when the
 * file holds something else by now; then, and after every other refusal before the rename, the
 * old file is untouched. Should the rename itself not be known to survive, that is `unusable` too.
 */
export function replaceKeyFile(
  path: string,
  change: { readonly before: string; readonly after: string },
): Result<undefined, KeyFileRefusal | 'changed'> {
  try {
    const target = realpathSync(path) // a link stays a link
    const found = readKeyFile(target)
    if (found === undefined || !found.ok) {
      return found ?? refuse('unusable', `there is no master key file ${path}`)
    }
    if (found.value.text !== change.before)
      return refuse('changed', `${path} was changed by another program: try again`)
    swapKeyFile(target, change.after)
    return ok(undefined)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return refuse(
      'unusable',
      `the master key file ${path} cannot be replaced: check the owner and mode of its directory ` +
        `(${error.message})`,
    )
  }
}

function swapKeyFile(path: string, text: string): void {
  const directory = dirname(path)
  const draft = `${path}.${randomUUID()}`
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: FILE_MODE, flush: true })
    keepOwner(draft, path)
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
  syncDirectory(directory)
}

/** Else a rotation as root would leave a file that the server cannot read at its next start. */
function keepOwner(draft: string, path: string): void {
  const [ours, theirs] = [statSync(draft), statSync(path)]
  if (ours.uid !== theirs.uid || ours.gid !== theirs.gid) chownSync(draft, theirs.uid, theirs.gid)
}

/** @returns undefined when there is no such file. */
function readKeyFile(path: string): Result<KeyFile, KeyFileRefusal> | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (!stats.isFile() || stats.size > FILE_BYTES_MAX)
    return refuse('unusable', `${path} is not a master key file: move it away or set masterKey`)
  const hasModes = process.platform !== 'win32'
  if (hasModes && (stats.mode & OTHERS_MASK) !== 0)
    return refuse(
      'exposed',
      `other users of this machine can use the master key in ${path}: chmod 600 it, and change ` +
        'the secrets it protects if one of them may have read it',
    )
  return ok({ text: readFileSync(path, 'utf8'), isNew: false })
}

/** @returns false when another process was first. */
function makeKeyFile(path: string, text: string): boolean {
  const directory = dirname(path)
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE })
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, text, { flag: 'wx', mode: FILE_MODE, flush: true })
  try {
    linkSync(draft, path) // unlike rename, never replaces a file
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(draft)
    syncDirectory(directory)
  }
  return true
}

function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return // it neither allows nor needs this
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
