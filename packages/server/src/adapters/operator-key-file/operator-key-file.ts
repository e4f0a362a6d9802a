/**
 * The file with the first owner's operator key: whole or not there, readable by its owner only, and
 * it survives power loss.
 */
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { StartProblem } from '../../ports/start-problem.ts'

const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700
const OTHERS_MASK = 0o077
/** Our bound: a key is one line. */
const FILE_BYTES_MAX = 1_024

/** @throws StartProblem when it cannot be written. */
export function writeOperatorKeyFile(path: string, value: string): void {
  const draft = `${path}.${randomUUID()}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE })
    writeFileSync(draft, `${value}\n`, { flag: 'wx', mode: FILE_MODE, flush: true })
    renameSync(draft, path)
    syncDirectory(dirname(path))
  } catch (error) {
    rmSync(draft, { force: true })
    throw problem(path, 'cannot be written', error)
  }
}

/**
 * @returns undefined when there is no such file.
 * @throws StartProblem when other users can read it, or it is no such file.
 */
export function readOperatorKeyFile(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (process.platform !== 'win32' && (stats.mode & OTHERS_MASK) !== 0) {
    throw new StartProblem(
      `other users of this machine can read the operator key in ${path}: chmod 600 it, and ` +
        'rotate the key if one of them may have read it',
    )
  }
  if (!stats.isFile() || stats.size > FILE_BYTES_MAX) {
    throw new StartProblem(`${path} is not an operator key file: move it away`)
  }
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    throw problem(path, 'cannot be read', error)
  }
}

function problem(path: string, what: string, cause: unknown): StartProblem {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StartProblem(`the operator key file ${path} ${what} (${why})`, { cause })
}

/** Makes the new name survive power loss. */
function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return // it neither allows nor needs this
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
