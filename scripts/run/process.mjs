/**
 * Starting other programs: with their output shown, or kept and shown only when they fail. Every
 * child is known by its handle, gets the signals this process gets, and is ended by its own id.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout; every program is started here, so tests may use paths from the root. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

const GRACE_MS = 10_000
const PARENT_CHECK_MS = 500

/**
 * Something a person has to put right. Shown as it is, without a stack.
 */
export class Obstacle extends Error {
  /** @override */
  name = 'Obstacle'
}

/**
 * @typedef {object} RunOptions
 * @property {boolean} [quiet] keep the output instead of showing it
 * @property {NodeJS.ProcessEnv} [env] added to the environment
 * @property {string} [input] text for standard input; without it the child shares ours
 * @property {number} [limitMs] end the child after this long; the code is then 124
 *
 * @typedef {object} Outcome
 * @property {number} code exit code; 128 + number when a signal ended it; 127 when it cannot be
 * started
 * @property {string} output what was kept
 */

/**
 * Runs a program to its end. Never rejects.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Outcome>}
 */
export function run(command, args, { quiet = false, env = {}, input, limitMs } = {}) {
  return new Promise((resolve) => {
    const shown = quiet ? 'pipe' : 'inherit'
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'inherit' : 'pipe', shown, shown],
    })
    const kept = /** @type {string[]} */ ([])
    let isOverdue = false
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => kept.push(text))
    }
    child.stdin?.on('error', (error) => kept.push(`standard input: ${error.message}\n`)).end(input)
    const stopForwarding = forwardSignals(child)
    const limit = limitMs === undefined ? undefined : setTimeout(endOverdue, limitMs)
    let lastResort = /** @type {NodeJS.Timeout | undefined} */ (undefined)

    function endOverdue() {
      isOverdue = true
      child.kill('SIGTERM')
      lastResort = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
    }

    /** @param {number} code */
    function finish(code) {
      clearTimeout(limit)
      clearTimeout(lastResort)
      stopForwarding()
      resolve({ code, output: kept.join('') })
    }

    child.on('error', (error) => {
      kept.push(`${command}: ${error.message}\n`)
      finish(127)
    })
    child.on('close', (code, signal) => {
      if (isOverdue) finish(124)
      else finish(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/**
 * A terminal gives Ctrl-C to the whole group by itself; sending it again would ask twice. npm hands
 * a signal to the shell it started us with, which ends without handing it on: that we see by the
 * parent being another one.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => void} stops forwarding
 */
function forwardSignals(child) {
  const signals = /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])
  const handlers = signals.map((signal) => {
    const isFromTerminal = process.stdin.isTTY && signal !== 'SIGTERM'
    const handle = () => {
      if (!isFromTerminal) child.kill(signal)
    }
    process.on(signal, handle)
    return { signal, handle }
  })
  const parentPid = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parentPid) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, PARENT_CHECK_MS)
  return () => {
    clearInterval(watch)
    for (const { signal, handle } of handlers) process.off(signal, handle)
  }
}

/**
 * @param {number} startMs of {@link performance.now}
 * @returns {string} like `3.1 s`
 */
export function since(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`
}
