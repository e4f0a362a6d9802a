/**
 * What `npm start`, `npm test`, `npm run check`, `npm run bench` and `npm run fix` do. Runs on Node
 * 20 or later with nothing installed, so it imports only what Node has.
 *
 *   start [args]    installs what is missing, then `lockgate serve [args]`
 *   test [filter]   installs what is missing, then every check and test; with a filter, only those
 *                   test files whose path contains it, and no checks
 *   check [--quick] the same as `test`; quick: only the checks that run nothing
 *   bench [args]    builds the load generator and measures
 *   fix             formats and writes the generated pages
 */
import { fix, runChecks } from './run/checks.mjs'
import { BUN, ensureInstalled } from './run/install.mjs'
import { Obstacle, run } from './run/process.mjs'
import { ensureSystemPackages } from './run/system-packages.mjs'
import { runTests } from './run/tests.mjs'

/** @type {Readonly<Record<string, (args: string[]) => Promise<number>>>} */
const COMMANDS = { start, test, check, bench, fix }

/** @param {string[]} args */
async function start(args) {
  const { code } = await run(process.execPath, [
    'packages/server/bin/lockgate.js',
    'serve',
    ...args,
  ])
  return code
}

/** @param {string[]} args */
async function test([filter]) {
  if (filter !== undefined) return report([], await runTests(filter))
  await ensureSystemPackages(['chromium', 'compiler', 'curl', 'redis', 'mosquitto', 'mqttClients'])
  return report(await runChecks(), await runTests(undefined))
}

/** @param {string[]} args */
async function check(args) {
  if (!args.includes('--quick')) return test([])
  return (await runChecks()).length === 0 ? 0 : 1
}

/** @param {string[]} args */
async function bench(args) {
  await ensureSystemPackages(['compiler', 'mosquitto'])
  const { code } = await run(BUN, ['bench/run.ts', ...args])
  return code
}

/**
 * Says what happened; the last line is always `N passed, N failed`. A check that failed counts as
 * one.
 * @param {string[]} failedChecks
 * @param {import('./run/tests.mjs').Tally[]} tallies
 */
function report(failedChecks, tallies) {
  const failures = failedChecks.map((name) => `check: ${name}`)
  let passed = 0
  console.log()
  for (const { runner, fileCount, skipped, duration, ...tally } of tallies) {
    passed += tally.passed
    failures.push(...tally.failures)
    const counts = `${tally.passed} passed, ${tally.failures.length} failed, ${skipped} skipped`
    console.log(`${runner.padEnd(12)} ${counts}; test files: ${fileCount}; ${duration}`)
  }
  if (tallies.length === 0) failures.push('no test file was found')
  for (const failure of failures) console.log(`failed: ${failure}`)
  console.log(`${passed} passed, ${failures.length} failed`)
  return failures.length === 0 ? 0 : 1
}

const [name = '', ...args] = process.argv.slice(2)
const command = COMMANDS[name]
try {
  if (command === undefined) {
    throw new Obstacle(`usage: node scripts/run.mjs ${Object.keys(COMMANDS).join('|')} [arguments]`)
  }
  await ensureInstalled()
  process.exitCode = await command(args)
} catch (error) {
  if (!(error instanceof Obstacle)) throw error
  console.error(`\n${error.message}`)
  if (name === 'test' || name === 'check') console.log('0 passed, 1 failed')
  process.exitCode = 1
}
