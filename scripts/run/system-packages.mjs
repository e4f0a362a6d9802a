/**
 * What the tests and the bench need from the operating system: a Chromium for the page test, a C
 * compiler for the load generator, curl, a Redis, and MQTT brokers and clients of others. On Debian
 * as root they are installed, elsewhere a person is told what to install.
 */
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Obstacle, run } from './process.mjs'

const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/**
 * @typedef {object} Need
 * @property {string} purpose
 * @property {readonly string[]} packages of Debian
 * @property {() => Promise<boolean>} isMet
 */

/** @type {Readonly<Record<'chromium' | 'compiler' | 'curl' | 'redis' | 'mosquitto' | 'mqttClients', Need>>} */
const NEEDS = {
  chromium: {
    purpose: 'Chromium, for the test that opens the page in a browser',
    packages: ['chromium'],
    isMet: async () => findChromium() !== undefined,
  },
  compiler: {
    purpose: 'a C compiler, for the load generator of the bench',
    packages: ['gcc', 'libc6-dev'],
    isMet: compiles,
  },
  curl: {
    purpose: 'curl, for the commands of the documentation',
    packages: ['curl'],
    isMet: async () => isInPath('curl'),
  },
  redis: {
    purpose: 'redis-server, for the tests of what instances share',
    packages: ['redis-server'],
    isMet: async () => isInPath('redis-server'),
  },
  mosquitto: {
    purpose: 'mosquitto, the broker that ours is compared with',
    packages: ['mosquitto'],
    isMet: async () => findMosquitto() !== undefined,
  },
  mqttClients: {
    purpose: 'mosquitto_pub, mosquitto_sub and paho for Python, for the tests with their clients',
    packages: ['mosquitto-clients', 'python3-paho-mqtt'],
    isMet: async () =>
      isInPath('mosquitto_pub') && isInPath('mosquitto_sub') && (await importsPaho()),
  },
}

/** @returns {string | undefined} the path of the broker, which Debian keeps out of most PATHs */
export function findMosquitto() {
  return [...foldersOfPath(), '/usr/sbin']
    .map((folder) => join(folder, 'mosquitto'))
    .find(isExecutable)
}

/** The one that Debian's packages are for; another one may come first in the PATH. */
export function findPython() {
  return isExecutable('/usr/bin/python3') ? '/usr/bin/python3' : 'python3'
}

async function importsPaho() {
  const { code } = await run(findPython(), ['-c', 'import paho.mqtt.client'], { quiet: true })
  return code === 0
}

/** @param {string} name */
function isInPath(name) {
  return foldersOfPath().some((folder) => isExecutable(join(folder, name)))
}

function foldersOfPath() {
  return (process.env['PATH'] ?? '').split(delimiter)
}

/** @returns {string | undefined} the path of a Chromium */
export function findChromium() {
  const folders = foldersOfPath()
  const candidates = CHROMIUM_NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return candidates.find(isExecutable)
}

/**
 * Installs or asks for what is missing.
 * @param {readonly (keyof typeof NEEDS)[]} names
 * @throws {Obstacle} naming what is missing
 */
export async function ensureSystemPackages(names) {
  const missing = await unmet(names.map((name) => NEEDS[name]))
  if (missing.length === 0) return
  const packages = missing.flatMap((need) => need.packages)
  const purposes = missing.map((need) => need.purpose).join('; ')
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Obstacle(
      [
        `Missing on this machine: ${purposes}.`,
        `On Debian or Ubuntu: sudo apt-get install -y ${packages.join(' ')}`,
        'Elsewhere: install the same with the package manager of the system, onto the PATH.',
      ].join('\n'),
    )
  }
  console.log(`Installing system packages: ${packages.join(' ')} (${purposes}) ...`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const { code: updated } = await run('apt-get', ['update'], { env })
  const args = ['install', '-y', '--no-install-recommends', ...packages]
  const { code: installed } = await run('apt-get', args, { env })
  const still = await unmet(missing)
  if (still.length === 0) return
  throw new Obstacle(
    [
      `Missing on this machine: ${still.map((need) => need.purpose).join('; ')}.`,
      `apt-get update ended with code ${updated}, apt-get install with code ${installed}.`,
      `Install by hand, then run the same command again: ${packages.join(' ')}`,
    ].join('\n'),
  )
}

/** @param {readonly Need[]} needs */
async function unmet(needs) {
  const met = await Promise.all(needs.map((need) => need.isMet()))
  return needs.filter((_, index) => met[index] !== true)
}

/** A compiler without the C library's headers is of no use, so it has to prove itself. */
async function compiles() {
  const input = '#include <stdio.h>\nint main(void) { return 0; }\n'
  const { code } = await run('cc', ['-x', 'c', '-o', '/dev/null', '-'], { quiet: true, input })
  return code === 0
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
