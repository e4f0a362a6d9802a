/** The static checks, quick ones first. Output is shown only where a check fails. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { BUN } from './install.mjs'
import { ROOT, run, since } from './process.mjs'

const require = createRequire(import.meta.url)

/** @type {readonly { name: string, command: () => [string, ...string[]] }[]} */
const CHECKS = [
  { name: 'tidy', command: () => [BUN, 'scripts/tidy.ts'] },
  { name: 'documents', command: () => [BUN, 'scripts/docs.ts', '--check'] },
  { name: 'format', command: () => node('@biomejs/biome', 'check', '--error-on-warnings') },
  { name: 'lint', command: () => node('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'types', command: () => node('typescript', '-p', 'tsconfig.json') },
]

/**
 * Runs every check, whatever the one before said.
 * @returns {Promise<string[]>} the names of those that failed
 */
export async function runChecks() {
  const failed = []
  for (const { name, command } of CHECKS) {
    const started = performance.now()
    const [program, ...args] = command()
    const env = process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }
    const { code, output } = await run(program, args, { quiet: true, env })
    console.log(`${name.padEnd(12)} ${code === 0 ? 'ok' : 'FAILED'}  ${since(started)}`)
    if (code === 0) continue
    failed.push(name)
    console.log(`${output.trim()}\n`)
  }
  return failed
}

/**
 * Writes what can be written by a program: formatting, safe lint fixes, generated pages.
 * @returns {Promise<number>} the first exit code that is not 0
 */
export async function fix() {
  const [biome, ...args] = node('@biomejs/biome', 'check', '--write')
  const { code } = await run(biome, args)
  const { code: docsCode } = await run(BUN, ['scripts/docs.ts'])
  return code === 0 ? docsCode : code
}

/**
 * The program of a package, started by this Node, so that no shell and no PATH are involved.
 * @param {string} name
 * @param {string[]} args
 * @returns {[string, ...string[]]}
 */
function node(name, ...args) {
  const manifestPath = join(ROOT, 'node_modules', name, 'package.json')
  if (!existsSync(manifestPath)) return [join(ROOT, 'node_modules', name), ...args]
  const { bin } = /** @type {{ bin: string | Record<string, string> }} */ (require(manifestPath))
  const program = name === 'typescript' ? 'tsc' : (name.split('/').at(-1) ?? name)
  const file = typeof bin === 'string' ? bin : bin[program]
  return [process.execPath, join(dirname(manifestPath), file ?? ''), ...args]
}
