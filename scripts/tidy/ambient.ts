/**
 * Banned ambient calls: clock, randomness, environment, console, timers and Bun's own interface may
 * be used only at home. Everywhere else they come in through a port, which is what makes tests
 * exact.
 */
import type { Finding } from './finding.ts'
import { lineAt, type SourceFile, type Tree } from './tree.ts'

interface Ban {
  readonly call: RegExp
  readonly what: string
  readonly why: string
  readonly remedy: string
  /** Whether the ban holds for the file of this path. */
  readonly appliesTo: (path: string) => boolean
}

const SERVER = 'packages/server/src'
/** Where the SDKs, which have no ports, take clock, randomness and timers from. */
const SDK_SYSTEMS = ['packages/server-sdk/src/system.ts', 'packages/client/src/system.ts']
const isProduct = (path: string) => /^packages\/[^/]+\/src\//.test(path)
const isUnder = (path: string, folders: readonly string[]) =>
  folders.some(
    (folder) => path === `${SERVER}/${folder}.ts` || path.startsWith(`${SERVER}/${folder}/`),
  )
const isPure = (path: string) =>
  path.startsWith('packages/protocol/') ||
  (/^packages\/(?:server-sdk|client)\//.test(path) && !SDK_SYSTEMS.includes(path)) ||
  isUnder(path, ['ports', 'core', 'credentials', 'sessions', 'outbound'])

/** The second is the entry of a thread of its own, which nobody could hand a clock to. */
const CLOCK_HOMES = ['adapters/system', 'adapters/document-engine-yjs/worker']
const RUNTIME_HOMES = ['transports', 'adapters']
const BUN_BAN = {
  what: "uses Bun's own interface",
  why: 'only transports and adapters are tied to the runtime',
  remedy: 'use a Web-standard or node: interface, or move the code to transports/ or adapters/',
}

const BANS: readonly Ban[] = [
  {
    call: /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/g,
    what: 'reads the system clock',
    why: 'code that asks the time itself cannot be tested at a chosen time',
    remedy: 'take a Clock (ports/clock.ts)',
    appliesTo: (path) =>
      isProduct(path) && !isUnder(path, CLOCK_HOMES) && !SDK_SYSTEMS.includes(path),
  },
  {
    call: /\bMath\.random\b/g,
    what: 'uses Math.random',
    why: 'its values can be predicted and no test can choose them',
    remedy: 'take a Random (ports/random.ts)',
    appliesTo: isProduct,
  },
  {
    call: /\bprocess\.env\b|\bBun\.env\b|\bimport\.meta\.env\b/g,
    what: 'reads the environment',
    why: 'a setting that is not in the configuration is neither checked nor documented',
    remedy: 'add it to config/schema.ts and pass the value in',
    appliesTo: (path) => isProduct(path) && !isUnder(path, ['main', 'cli']),
  },
  {
    call: /\bconsole\s*\.\s*\w+/g,
    what: 'writes to the console',
    why: 'the log is structured and redacts secrets, the console does not',
    remedy: 'take a Log (ports/log.ts); only main.ts and cli/ speak to a person',
    appliesTo: (path) => isProduct(path) && !isUnder(path, ['main', 'cli']),
  },
  {
    call: /\b(?:setTimeout|setInterval|setImmediate)\b/g,
    what: 'starts a timer',
    why: 'sessions and core are driven by tick(nowMs), so that a test can drive them too',
    remedy: 'keep a deadline and act on it in tick, or move the timer to transports/',
    appliesTo: isPure,
  },
  {
    call: /\bBun\s*\.\s*\w+/g,
    ...BUN_BAN,
    appliesTo: (path) => isProduct(path) && !isUnder(path, RUNTIME_HOMES),
  },
]

/** @returns one finding per banned call outside its home; tests, benches and scripts are exempt. */
export function checkAmbientCalls(tree: Tree): Finding[] {
  return tree.sources
    .filter(({ isTest }) => !isTest)
    .flatMap((source) => [...checkCalls(source), ...checkBunImports(source)])
}

function checkCalls(source: SourceFile): Finding[] {
  return BANS.filter((ban) => ban.appliesTo(source.path)).flatMap((ban) =>
    [...source.codeOnly.matchAll(ban.call)].map((match) => ({
      file: source.path,
      line: lineAt(source.text, match.index),
      what: `${ban.what} (${match[0]})`,
      why: ban.why,
      remedy: ban.remedy,
    })),
  )
}

function checkBunImports({ path, imports }: SourceFile): Finding[] {
  if (!isProduct(path) || isUnder(path, RUNTIME_HOMES)) return []
  return imports
    .filter(({ specifier }) => specifier === 'bun' || specifier.startsWith('bun:'))
    .map(({ line, specifier }) => ({
      file: path,
      line,
      ...BUN_BAN,
      what: `${BUN_BAN.what} ('${specifier}')`,
    }))
}
