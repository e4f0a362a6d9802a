#!/usr/bin/env node
/**
 * Starts Lockgate on the runtime that npm installed with it. Runs on Node 20 or later with nothing
 * but this package; hands arguments, standard streams, signals and the exit code through.
 */
import { spawn, spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { devNull } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 20
/** Before its install step has run, the package holds a small placeholder. */
const RUNTIME_BYTES_MIN = 1024 * 1024
const INSTALL_LIMIT_MS = 300_000
/** @type {readonly NodeJS.Signals[]} */
const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP']
/** The folder it is started in must not be able to add variables, packages or code of its own. */
const ISOLATION = ['--no-env-file', '--no-install', `--config=${devNull}`]

/**
 * @param {string[]} lines
 * @returns {never}
 */
function fail(...lines) {
  process.stderr.write(`lockgate: ${lines.join('\n')}\n`)
  process.exit(1)
}

/** @returns {string} the folder of the npm package `bun` */
function findRuntimeFolder() {
  try {
    return dirname(createRequire(import.meta.url).resolve('bun/package.json'))
  } catch (error) {
    return fail(
      'the npm package "bun", which Lockgate runs on, is not installed.',
      'Run `npm install` in the folder Lockgate is installed in.',
      String(error instanceof Error ? error.message.split('\n')[0] : error),
    )
  }
}

/**
 * @param {string} file
 * @returns {boolean}
 */
function isRuntime(file) {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= RUNTIME_BYTES_MIN
}

/** @returns {string} the runtime's binary; it has this name on every system */
function prepareRuntime() {
  const folder = findRuntimeFolder()
  const file = join(folder, 'bin', 'bun.exe')
  if (isRuntime(file)) return file
  process.stderr.write('lockgate: finishing the installation of the npm package "bun"\n')
  const { stderr, error } = spawnSync(process.execPath, ['install.js'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: INSTALL_LIMIT_MS,
  })
  if (isRuntime(file)) return file
  return fail(
    'the npm package "bun", which Lockgate runs on, is not complete: its install step failed.',
    'Run `npm rebuild bun --foreground-scripts` in the folder Lockgate is installed in. If npm was',
    'told to leave out optional packages or install scripts, allow them for "bun" first.',
    (error?.message ?? stderr ?? '').trim().split('\n').slice(-3).join('\n'),
  )
}

if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR_MIN) {
  fail(`Node ${NODE_MAJOR_MIN} or later is needed; this is ${process.version}.`)
}
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const child = spawn(prepareRuntime(), [...ISOLATION, main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, LOCKGATE_LAUNCHER_PID: String(process.pid) },
})
for (const signal of FORWARDED) process.on(signal, () => child.kill(signal))
child.on('error', (error) => fail(`the runtime does not start: ${error.message}`))
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  // Ends by the same signal, so that whoever started this sees what happened.
  for (const each of FORWARDED) process.removeAllListeners(each)
  process.kill(process.pid, signal)
})
