/**
 * `npm run bench`: measures Lockgate beside its references, prints tables, and writes JSON and the
 * page when asked to. Ends with 1 when a server broke a promise or could not be measured.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { killAll } from './children.ts'
import { canPin, describeMachine, isRealTime, leaveServerCore, openFilesMax } from './machine.ts'
import type { Settings } from './measure.ts'
import { mosquittoVersion } from './mqtt-servers.ts'
import { formatJson, formatPage, formatText, type Report, withTargetsOf } from './report.ts'
import { measureScenario, type Table } from './rounds.ts'
import { SCENARIOS, type Scenario, SERVER_TITLES, type ServerName } from './scenarios.ts'
import { makeInstallation, startLockgate } from './servers.ts'
import { judge } from './targets.ts'
import { compilePrograms, ROOT } from './toolchain.ts'

const USAGE = `npm run bench -- [options]
  --scenario NAME   only this one, or those that begin so; may be given several times:
                    ${SCENARIOS.map(({ name }) => name).join(', ')}
  --server NAME     only this one; may be given several times:
                    ${Object.keys(SERVER_TITLES).join(', ')}
  --runs N          interleaved runs per server, 1 to 50 (5)
  --seconds N       how long one run is measured, 0.1 to 60 (3)
  --quick           a smoke run with small numbers; its figures mean nothing
  --json FILE       write everything as JSON
  --markdown FILE   write the page docs/performance.md
  --also-into FILE  put the targets of this run into that page of another run, with a link
  --help
`
const RUNS_MAX = 50
const SECONDS_MAX = 60

interface Options {
  readonly scenarios: readonly Scenario[]
  readonly servers: readonly ServerName[]
  readonly runs: number
  readonly seconds: number
  readonly isQuick: boolean
  readonly json: string | undefined
  readonly markdown: string | undefined
  readonly alsoInto: string | undefined
}

/** @returns nothing when only the usage was asked for. @throws Error with what is wrong. */
function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      scenario: { type: 'string', multiple: true },
      server: { type: 'string', multiple: true },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      'also-into': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const names = Object.keys(SERVER_TITLES) as ServerName[]
  return {
    scenarios: (values.scenario ?? ['']).flatMap((prefix) =>
      chosen(SCENARIOS, ({ name }) => name.startsWith(prefix), `scenario ${prefix}`),
    ),
    servers: (values.server ?? names).flatMap((wanted) =>
      chosen(names, (name) => name === wanted, `server ${wanted}`),
    ),
    runs: within('--runs', values.runs ?? (values.quick ? '1' : '5'), { min: 1, max: RUNS_MAX }),
    seconds: within('--seconds', values.seconds ?? (values.quick ? '0.3' : '3'), {
      min: 0.1,
      max: SECONDS_MAX,
    }),
    isQuick: values.quick,
    json: values.json,
    markdown: values.markdown,
    alsoInto: values['also-into'],
  }
}

function chosen<T>(all: readonly T[], isWanted: (one: T) => boolean, what: string): T[] {
  const found = all.filter(isWanted)
  if (found.length === 0) throw new Error(`unknown ${what}`)
  return found
}

function within(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = Number(text)
  if (!(value >= min && value <= max)) throw new Error(`${name} is ${min} to ${max}, not ${text}`)
  return name === '--runs' ? Math.floor(value) : value
}

async function measureAll(options: Options, settings: Settings): Promise<Table[]> {
  const { runs, servers } = options
  if (servers.includes('lockgate')) {
    // The first start makes the data directory; every measured one finds it.
    await (await startLockgate(settings.installation)).stop()
  }
  const tables: Table[] = []
  for (const scenario of options.scenarios) {
    tables.push(await measureScenario(scenario, { runs, settings, servers, progress }))
  }
  return tables
}

async function main(options: Options): Promise<void> {
  const programs = compilePrograms()
  if (canPin()) leaveServerCore()
  else
    process.stderr.write('Not pinned: server and generator share a core, or taskset is missing.\n')
  if (openFilesMax() < 10_500) {
    process.stderr.write(`Only ${openFilesMax()} open files are allowed: fewer connections.\n`)
  }
  const installation = makeInstallation()
  process.on('exit', () => installation.remove())
  const settings: Settings = {
    programs,
    installation,
    seconds: options.seconds,
    warmupSeconds: options.isQuick ? 0.2 : 1,
    isQuick: options.isQuick,
  }
  report(options, await measureAll(options, settings))
}

function report(options: Options, tables: readonly Table[]): void {
  const words = process.argv.slice(2)
  const result: Report = {
    machine: describeMachine(),
    command: ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' '),
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    runs: options.runs,
    seconds: options.seconds,
    isPinned: canPin(),
    isRealTime: isRealTime(),
    isQuick: options.isQuick,
    versions: versionsOf(tables),
    tables,
    verdicts: options.isQuick ? [] : judge(tables),
  }
  process.stdout.write(formatText(result))
  if (options.json !== undefined) writeFileSync(options.json, formatJson(result))
  const { markdown, alsoInto } = options
  if (markdown === undefined) return
  writeFileSync(markdown, formatPage(result))
  if (alsoInto === undefined) return
  const page = readFileSync(alsoInto, 'utf8')
  writeFileSync(alsoInto, withTargetsOf(result, page, basename(markdown)))
}

function versionsOf(tables: readonly Table[]): string[] {
  const isUsed = (name: ServerName) =>
    tables.some(({ rows }) => rows.some(({ server }) => server === name))
  return [
    `ws ${packageVersion('ws')}`,
    ...(isUsed('mosquitto') ? [mosquittoVersion()] : []),
    ...(isUsed('aedes') ? [`aedes ${packageVersion('aedes')}`] : []),
  ]
}

function packageVersion(name: string): string {
  const path = join(ROOT, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

function endWith(code: number, text: string): void {
  process.stderr.write(`${text}\n`)
  process.exitCode = code
}

if (import.meta.main) {
  process.on('exit', killAll)
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => process.exit(130))
  }
  try {
    const options = parseOptions(process.argv.slice(2))
    if (options === undefined) process.stdout.write(USAGE)
    else await main(options)
  } catch (cause) {
    endWith(1, `bench: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
