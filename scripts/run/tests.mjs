/**
 * Runs the tests: those beside the code with Bun, those that speak to the started server with Node,
 * which is what its users' clients run on. Counts come from report files, so a runner that crashes,
 * or a file that ran no test, is a failure and never a smaller number.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { BUN, directDependencies } from './install.mjs'
import { ROOT, run, since } from './process.mjs'
import { readJunit, readTap } from './reports.mjs'
import { findChromium } from './system-packages.mjs'

const TEST_FOLDERS = ['packages', 'scripts', 'bench', 'test']
const CONFORMANCE = 'test/conformance/'
const BUNDLES = '.cache/conformance'
const REPORTS = '.cache/reports'
/** Twice what a machine with two cores takes: less would fail a slow one. */
const RUNNER_LIMIT_MS = 40 * 60_000
/** Of a whole file too, and in one of them connections are idle for a minute. */
const TEST_LIMIT_MS = 180_000

/**
 * @typedef {object} Tally
 * @property {string} runner
 * @property {number} fileCount
 * @property {number} passed
 * @property {number} skipped
 * @property {string[]} failures one line each; a crash of the runner is one, too
 * @property {string} duration
 */

/**
 * @param {string | undefined} filter part of a path; only test files that contain it run
 * @returns {Promise<Tally[]>} one for each runner that had something to run
 */
export async function runTests(filter) {
  const files = TEST_FOLDERS.flatMap(findTests).filter((each) => each.includes(filter ?? ''))
  const conformance = files.filter((each) => each.startsWith(CONFORMANCE))
  const others = files.filter((each) => !each.startsWith(CONFORMANCE))
  mkdirSync(join(ROOT, REPORTS), { recursive: true })
  const tallies = []
  if (others.length > 0) tallies.push(await runBunTests(others))
  if (conformance.length > 0) tallies.push(await runConformance(conformance))
  return tallies
}

/**
 * @param {string} folder
 * @returns {string[]} paths of test files from the root
 */
function findTests(folder) {
  if (!existsSync(join(ROOT, folder))) return []
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : findTests(path)
      return entry.name.endsWith('.test.ts') ? [path] : []
    })
    .sort()
}

/**
 * @param {string[]} files
 * @returns {Promise<Tally>}
 */
async function runBunTests(files) {
  const started = performance.now()
  const report = join(ROOT, REPORTS, 'bun.xml')
  rmSync(report, { force: true })
  console.log(`\nTests beside the code: ${files.length} files, on Bun`)
  const { code } = await run(
    BUN,
    [
      'test',
      '--only-failures',
      `--timeout=${TEST_LIMIT_MS}`,
      '--reporter=junit',
      `--reporter-outfile=${report}`,
      ...files.map((each) => `./${each}`),
    ],
    { limitMs: RUNNER_LIMIT_MS },
  )
  const text = existsSync(report) ? readFileSync(report, 'utf8') : ''
  const { ranFiles, ...counts } = readJunit(text)
  const idle = files.filter((each) => !ranFiles.has(each))
  const failures = [...counts.failures, ...idle.map((each) => `${each}: ran no test`)]
  if (code !== 0 && failures.length === 0) failures.push(`bun test ended with code ${code}`)
  const duration = since(started)
  return { ...counts, failures, runner: 'bun test', fileCount: files.length, duration }
}

/**
 * @param {string[]} files
 * @returns {Promise<Tally>}
 */
async function runConformance(files) {
  const started = performance.now()
  const runner = `Node ${process.versions.node}`
  console.log(`\nConformance: ${files.length} files, clients on ${runner}`)
  const bundling = await bundle(files)
  if (bundling.code !== 0) {
    console.log(bundling.output.trim())
    const failures = [`bun build ended with code ${bundling.code}`]
    const duration = since(started)
    return { runner, fileCount: files.length, passed: 0, skipped: 0, failures, duration }
  }
  const report = join(ROOT, REPORTS, 'node.tap')
  rmSync(report, { force: true })
  const bundles = files.map((each) => bundleOf(each))
  const chromium = findChromium()
  const { code } = await run(
    process.execPath,
    [
      '--enable-source-maps',
      '--test',
      '--test-concurrency=1',
      `--test-timeout=${TEST_LIMIT_MS}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=tap',
      `--test-reporter-destination=${report}`,
      ...bundles,
    ],
    { limitMs: RUNNER_LIMIT_MS, env: chromium === undefined ? {} : { CHROMIUM_PATH: chromium } },
  )
  const text = existsSync(report) ? readFileSync(report, 'utf8') : ''
  const counts = readTap(text, new Set(bundles))
  const failures = counts.failures.map((each) => each.replaceAll(join(ROOT, '/'), ''))
  if (code !== 0 && failures.length === 0) failures.push(`node --test ended with code ${code}`)
  return { ...counts, failures, runner, fileCount: files.length, duration: since(started) }
}

/**
 * Makes JavaScript that any Node since 20 runs. Packages stay outside; our own TypeScript goes in.
 * @param {string[]} files
 */
function bundle(files) {
  rmSync(join(ROOT, BUNDLES), { recursive: true, force: true })
  const outside = directDependencies().filter((name) => !name.startsWith('@lockgate/'))
  return run(
    BUN,
    [
      'build',
      '--target=node',
      '--sourcemap=linked',
      '--root=test/conformance',
      `--outdir=${BUNDLES}`,
      ...outside.flatMap((name) => [`--external=${name}`, `--external=${name}/*`]),
      ...files.map((each) => `./${each}`),
    ],
    { quiet: true },
  )
}

/** @param {string} file */
function bundleOf(file) {
  const path = relative(CONFORMANCE, file).replace(/\.ts$/, '.js')
  return join(ROOT, BUNDLES, path)
}
