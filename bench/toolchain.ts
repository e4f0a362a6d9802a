/**
 * Compiles the C parts into `.cache/bench`, again only when a source is newer than its program.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dir, '..')
const CACHE = join(ROOT, '.cache', 'bench')
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra', '-D_GNU_SOURCE']

/** No C compiler, or it refused; the message says what to do. */
export class ToolchainError extends Error {
  override readonly name = 'ToolchainError'
}

export interface Programs {
  /** The load generator. */
  readonly load: string
  /** The server that only copies bytes. */
  readonly floor: string
}

/** @throws ToolchainError when there is no `cc` or a source does not compile. */
export function compilePrograms(): Programs {
  const load = join(import.meta.dir, 'load')
  const sources = readdirSync(load).filter((name) => name.endsWith('.c'))
  const headers = readdirSync(load).filter((name) => name.endsWith('.h'))
  return {
    load: compile('load', {
      sources: sources.map((name) => join(load, name)),
      headers: headers.map((name) => join(load, name)),
    }),
    floor: compile('floor', {
      sources: [join(import.meta.dir, 'floor', 'floor.c'), join(load, 'digest.c')],
      headers: [join(load, 'digest.h')],
    }),
  }
}

interface Inputs {
  readonly sources: readonly string[]
  readonly headers: readonly string[]
}

function compile(name: string, { sources, headers }: Inputs): string {
  const program = join(CACHE, name)
  const builtMs = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if ([...sources, ...headers].every((path) => statSync(path).mtimeMs < builtMs)) return program
  if (Bun.which('cc') === null) {
    throw new ToolchainError(
      'No C compiler: `cc` is not in the PATH. The load generator is a C program; install one ' +
        '(Debian: apt-get install gcc libc6-dev) and start again.',
    )
  }
  mkdirSync(CACHE, { recursive: true })
  const run = Bun.spawnSync(['cc', ...FLAGS, '-o', program, ...sources, '-lm'])
  if (run.exitCode !== 0) {
    throw new ToolchainError(`cc could not compile ${name}:\n${run.stderr.toString()}`)
  }
  return program
}
