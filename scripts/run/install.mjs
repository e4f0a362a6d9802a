/**
 * Brings node_modules in line with the package files, and does nothing, not even a look at the
 * network, when it is. What it installed for is remembered in a stamp file inside node_modules.
 *
 * `npm install`, not `npm ci`: the latter refuses a lock file that was made where a package of
 * another platform could not be had.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Obstacle, ROOT, run, since } from './process.mjs'

const STAMP = join(ROOT, 'node_modules/.lockgate-installed')
const BUN_FOLDER = join(ROOT, 'node_modules/bun')
/** The file has this name on every system. */
export const BUN = join(BUN_FOLDER, 'bin/bun.exe')
const NODE_MAJOR_MIN = 20
const HEARTBEAT_MS = 10_000

/**
 * @typedef {Partial<Record<'dependencies' | 'devDependencies' | 'optionalDependencies',
 *   Record<string, string>>> & Record<string, unknown>} PackageFile
 */

/**
 * Installs what is missing.
 * @throws {Obstacle} with what is missing and how to go on
 */
export async function ensureInstalled() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < NODE_MAJOR_MIN) {
    throw new Obstacle(`Node ${NODE_MAJOR_MIN} or later is needed; this is ${process.version}.`)
  }
  const wanted = fingerprint()
  const installed = existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : ''
  if (installed === wanted && (await bunRuns())) return
  if (installed !== wanted) await install()
  if (!(await bunRuns())) await repairBun()
  mkdirSync(join(ROOT, 'node_modules'), { recursive: true })
  writeFileSync(STAMP, wanted)
}

/** Every npm package the workspaces name directly. */
export function directDependencies() {
  const names = packageFiles().flatMap(({ content }) => [
    ...Object.keys(content.dependencies ?? {}),
    ...Object.keys(content.devDependencies ?? {}),
  ])
  return [...new Set(names)].sort()
}

function packageFiles() {
  const folders = existsSync(join(ROOT, 'packages')) ? readdirSync(join(ROOT, 'packages')) : []
  return ['package.json', ...folders.sort().map((each) => `packages/${each}/package.json`)]
    .filter((path) => existsSync(join(ROOT, path)))
    .map((path) => ({ path, content: readPackageFile(path) }))
}

/**
 * @param {string} path
 * @returns {PackageFile}
 */
function readPackageFile(path) {
  const content = /** @type {PackageFile} */ (JSON.parse(readFileSync(join(ROOT, path), 'utf8')))
  return content
}

/** Only what decides about node_modules counts: an edited description asks for no install. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  const deciding = /^(?:name|workspaces|overrides|allowScripts|\w*[dD]ependencies)$/
  for (const { path, content } of packageFiles()) {
    const kept = Object.entries(content).filter(([key]) => deciding.test(key))
    hash.update(`${path} ${JSON.stringify(kept)}\n`)
  }
  const lock = join(ROOT, 'package-lock.json')
  if (existsSync(lock)) hash.update(readFileSync(lock))
  return hash.digest('hex')
}

async function bunRuns() {
  if (!existsSync(BUN)) return false
  const { code, output } = await run(BUN, ['--version'], { quiet: true })
  return code === 0 && /^\d+\.\d+\.\d+/.test(output)
}

async function install() {
  const started = performance.now()
  console.log('Installing packages from the npm registry (a minute or two the first time) ...')
  const heartbeat = setInterval(() => {
    if (!process.stdout.isTTY) console.log(`... still installing, ${since(started)}`)
  }, HEARTBEAT_MS)
  const args = ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error']
  const npm = process.env['npm_execpath']
  const isNpm = npm?.endsWith('npm-cli.js') === true
  const { code } = isNpm ? await run(process.execPath, [npm, ...args]) : await run('npm', args)
  clearInterval(heartbeat)
  if (code !== 0) throw new Obstacle(describeFailure(code))
  console.log(`Packages installed in ${since(started)}.`)
}

/** @param {number} code */
function describeFailure(code) {
  const missing = directDependencies().filter(
    (name) =>
      !name.startsWith('@lockgate/') &&
      !existsSync(join(ROOT, 'node_modules', name, 'package.json')),
  )
  const what =
    missing.length === 0
      ? 'All packages are there, but not all in the wanted version.'
      : `Missing: ${missing.join(', ')}.`
  return [
    code === 127 ? 'npm was not found on the PATH.' : `npm install ended with code ${code}.`,
    what,
    'npm has to reach its registry once (`npm config get registry` shows which); it needs 400 MB',
    'of disk. Behind a proxy: `npm config set proxy http://...`. Then run the same command again;',
    'once the packages are there, no network is used any more. Without any network, copy',
    'node_modules from a checkout of the same version on the same kind of machine.',
  ].join('\n')
}

/** The install step of the package bun may have been refused; it needs no network. */
async function repairBun() {
  const script = join(BUN_FOLDER, 'install.js')
  if (existsSync(script)) {
    console.log("Finishing Bun's install step ...")
    const { code, output } = await run(process.execPath, [script], { quiet: true })
    if (code === 0 && (await bunRuns())) return
    console.log(output.trim())
  }
  throw new Obstacle(
    [
      `Bun does not run on this machine (${process.platform} ${process.arch}).`,
      'It comes as the npm package bun; the binary is an optional package of its own (@oven/...).',
      'Delete node_modules and run the same command again. If npm then skips that package, the',
      'registry in use does not carry it for this platform.',
    ].join('\n'),
  )
}
