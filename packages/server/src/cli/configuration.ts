/** Loads the configuration of this process: real files, real environment, given flags. */
import { closeSync, openSync, readSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { type LoadOutcome, loadConfig } from '../config/load.ts'
import { formatProblem, type Problem } from '../config/problem.ts'
import { CONFIG_FILE_BYTES_MAX } from '../config/schema.ts'

export type ReadRefusal = 'missing' | 'not_a_file' | 'denied' | 'too_large' | 'unreadable'

const NEXT: Readonly<Record<ReadRefusal, { readonly what: string; readonly next: string }>> = {
  missing: { what: 'the file does not exist', next: 'check the path' },
  not_a_file: { what: 'this is a directory', next: 'give the path of a file' },
  denied: { what: 'the file may not be read', next: 'give the server read permission' },
  too_large: {
    what: `the file is larger than ${CONFIG_FILE_BYTES_MAX} bytes`,
    next: 'check that it is the right file',
  },
  unreadable: { what: 'the file cannot be read as UTF-8 text', next: 'check the file' },
}

export interface Given {
  /** The value of `--config`; without it `LOCKGATE_CONFIG` names the file. */
  readonly configPath: string | undefined
  readonly flags: Readonly<Record<string, string | boolean>>
}

/** @returns the configuration, or every problem with it. */
export async function loadFromProcess({ configPath, flags }: Given): Promise<LoadOutcome> {
  const environment = process.env
  const workingFolder = process.cwd()
  const name = configPath ?? environment['LOCKGATE_CONFIG']
  const base = { environment, flags, workingFolder, readFile: readTextFile }
  if (name === undefined) return loadConfig(base)
  const path = resolve(workingFolder, name)
  const read = name === '' ? refuse('missing') : readTextFile(path, CONFIG_FILE_BYTES_MAX)
  if (!read.ok) {
    const where = configPath === undefined ? 'LOCKGATE_CONFIG' : `--config ${name}`
    return { ok: false, problems: [{ where, ...NEXT[read.refusal] }] }
  }
  return loadConfig({ ...base, file: { name, text: read.value }, fileFolder: dirname(path) })
}

/** @returns one line for each problem, and how many there are. */
export function formatProblems(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  const lines = problems.map((problem) => `  ${formatProblem(problem)}\n`)
  return `lockgate: the configuration has ${count}\n${lines.join('')}`
}

/** Reads a file or a pipe; never more than the bound and one byte. */
export function readTextFile(path: string, bytesMax: number): Result<string, ReadRefusal> {
  const buffer = new Uint8Array(bytesMax + 1)
  let length = 0
  try {
    const descriptor = openSync(path, 'r')
    try {
      let count = -1
      while (count !== 0 && length < buffer.length) {
        count = readSync(descriptor, buffer, length, buffer.length - length, null)
        length += count
      }
    } finally {
      closeSync(descriptor)
    }
    if (length > bytesMax) return refuse('too_large')
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return refuse('missing')
    if (code === 'EISDIR') return refuse('not_a_file')
    if (code === 'EACCES' || code === 'EPERM') return refuse('denied')
    return refuse('unreadable')
  }
}
