/**
 * The same results three ways: aligned text for a terminal, JSON for programs, and the page
 * `docs/performance.md` and its sisters.
 */
import type { Machine } from './machine.ts'
import { MQTT_METHOD } from './mqtt-method.ts'
import { CONTENTION_MAX, TRIES_MAX, type Row, type Table } from './rounds.ts'
import { SERVER_TITLES, type ServerName } from './scenarios.ts'
import type { Verdict } from './targets.ts'

export interface Report {
  readonly machine: Machine
  readonly command: string
  /** UTC, `2026-01-31 12:00`. */
  readonly date: string
  readonly runs: number
  readonly seconds: number
  readonly isPinned: boolean
  /** Started with `chrt`: what else ran on the machine had to wait. */
  readonly isRealTime: boolean
  /** A smoke run: fewer subscribers and connections than the titles say. */
  readonly isQuick: boolean
  /** Of the references, `ws 8.0.0`. */
  readonly versions: readonly string[]
  readonly tables: readonly Table[]
  readonly verdicts: readonly Verdict[]
}

type Cells = readonly (readonly string[])[]

export function formatText(report: Report): string {
  const parts = report.tables.map(
    (table) => `${table.scenario.title}\n${alignText(cellsOf(table))}\n`,
  )
  const verdicts =
    report.verdicts.length === 0 ? [] : [`Targets\n${alignText(verdictCells(report.verdicts))}\n`]
  return [machineLine(report), ...notes(report), '', ...parts, ...verdicts].join('\n')
}

export function formatJson(report: Report): string {
  const tables = report.tables.map(({ scenario, rows }) => ({
    scenario: scenario.name,
    title: scenario.title,
    rows,
  }))
  return `${JSON.stringify({ ...report, tables }, undefined, 2)}\n`
}

/** The whole page; nothing in it is written by hand. */
export function formatPage(report: Report): string {
  return [
    '# Performance',
    '',
    `Made by the bench, not by hand: \`${report.command}\`.`,
    '',
    ...machineSection(report),
    ...(report.isQuick ? [...notes(report), ''] : []),
    ...targetSection(report),
    '## Figures',
    '',
    ...report.tables.flatMap((table) => [
      `### ${table.scenario.title}`,
      '',
      markdownTable(cellsOf(table)),
      '',
    ]),
    ...methodSection(report),
  ].join('\n')
}

/**
 * Puts the targets of a run that was made for one subject into the page of another run, in place of
 * those that were put there before.
 * @param link of the page with its figures.
 */
export function withTargetsOf(
  { command, date, machine, verdicts }: Report,
  page: string,
  link: string,
): string {
  const title = `## Measured by itself: ${link}`
  const at = page.indexOf(`${title}\n`)
  const end = at < 0 ? -1 : page.indexOf('\n## ', at)
  const bare = at < 0 ? page : page.slice(0, at) + page.slice(end + 1)
  const section = [
    title,
    '',
    `\`${command}\` on ${machine.cpu}, ${date} UTC. Figures and method: [${link}](${link}).`,
    '',
    markdownTable(verdictCells(verdicts)),
    '',
    '',
  ]
  return bare.replace('## Figures\n', () => `${section.join('\n')}## Figures\n`)
}

function machineSection({ isRealTime, ...report }: Report): string[] {
  const { machine, command, date, isPinned, versions } = report
  return [
    '## Where and when',
    '',
    `- Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`,
    `- Kernel: Linux ${machine.kernel}`,
    `- Versions: ${[`Bun ${machine.bun}`, `Node ${machine.node}`, ...versions].join(', ')}`,
    `- Command: \`${command}\``,
    `- Date: ${date} UTC`,
    isPinned
      ? '- Cores: the server has core 0, the load generator core 1.'
      : '- Cores: not pinned, server and generator share what there is; contention unknown.',
    ...(isRealTime ? ['- Priority: real time (`chrt -r 1`), the machine was not idle.'] : []),
    '',
  ]
}

function targetSection({ verdicts }: Report): string[] {
  if (verdicts.length === 0) return []
  return [
    '## Targets',
    '',
    'The figure of Lockgate on one core, and how it relates to the reference whose runs alternated',
    'with its own.',
    '',
    markdownTable(verdictCells(verdicts)),
    '',
  ]
}

function methodSection({ runs, seconds, tables }: Report): string[] {
  const isMqtt = ({ scenario }: Table) => scenario.servers.includes('mosquitto')
  return [
    '## How it is measured',
    '',
    `Each figure is the median of up to ${runs} interleaved runs (A B C A B C), each with a fresh`,
    `server process. CPU is user and system time of the server process from \`/proc\`, over`,
    `${seconds} s after a warm-up; a stretch begins and ends with nothing in flight, so its time`,
    'belongs to exactly its messages. Loopback charges part of the receiver’s work to the sender,',
    'so system time is higher than on a network card; user time is what the program itself spends.',
    '',
    `A run is contended when something else held the server’s core for more than`,
    `${CONTENTION_MAX * 100} % of the time. It is made again, ${TRIES_MAX} tries in all, and then`,
    'dropped. The last columns say how many runs count and how many were dropped. Memory is',
    'measured whatever the contention.',
    '',
    'The load is closed-loop: the publisher sends message i when every subscriber has i minus the',
    'number in flight, and everything allowed goes out in one write. Payloads are 128 bytes. The',
    'generator checks every byte: each subscriber gets every message exactly once, in order, the',
    'publisher gets none of its own, and nothing may follow the last. A bench with a single fault',
    'prints no figures. Latency under fan-out is queueing at saturation, not what a user sees.',
    '',
    'A token or a refresh is one request in flight on each connection, checked for its status and',
    'for the token in it; a chain sends the refresh token of one answer in the next request. A',
    'revocation is timed at the clients: from the request to the close frame of the last one, while',
    'every client answers its close and never sleeps; the worst figure is that of all trials of all',
    'runs. Checks inside the process count every call of the store, of which there may be none.',
    'Durable is what is on disk (`synchronous=FULL`) when the call answers.',
    '',
    'References: the C floor only copies bytes with one `send()` per subscriber and turn of its',
    'loop; `ws (Node)` calls `ws.send` for each client and message; `bare Bun` is `Bun.serve` with',
    'nothing on top (accepting WebSockets, answering a POST, closing all sockets in one loop, or',
    '`bun -e 0`). They neither check a signature nor know channels. `bare ES256` signs or verifies',
    '900 bytes with `node:crypto`; `bare SQLite` inserts one row and commits it at a time.',
    '',
    ...(tables.some(isMqtt) ? MQTT_METHOD : []),
  ]
}

function machineLine({ machine, date }: Report): string {
  return (
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Bun ${machine.bun}, ` +
    `Node ${machine.node}, ${date} UTC`
  )
}

function notes({ isPinned, isQuick }: Report): string[] {
  const pinning =
    'Not pinned: one core or no taskset. Contention cannot be told; compare with care.'
  const quick = 'Quick: small numbers that show the bench works and say nothing about speed.'
  return [...(isPinned ? [] : [pinning]), ...(isQuick ? [quick] : [])]
}

function cellsOf({ scenario, rows }: Table): Cells {
  const ratios = ratioColumns(rows)
  const head = [
    'server',
    ...scenario.columns.map(({ title }) => title),
    ...ratios.map((server) => `x ${SERVER_TITLES[server]}`),
    'runs',
    'dropped',
    'repeated',
  ]
  const lead = scenario.columns.find(({ key }) => key !== 'connections')?.key ?? ''
  const body = rows.map((row) => [
    SERVER_TITLES[row.server],
    ...scenario.columns.map(({ key, digits }) => row.medians[key]?.toFixed(digits) ?? '-'),
    ...ratios.map((server) => ratioCell(row, findRow(rows, server), lead)),
    String(row.kept),
    String(row.dropped),
    String(row.repeated),
  ])
  return [head, ...body]
}

/** The first figure of a row against that of each reference. */
function ratioColumns(rows: readonly Row[]): ServerName[] {
  return rows.map(({ server }) => server).filter((server) => server !== 'lockgate')
}

function findRow(rows: readonly Row[], server: ServerName): Row | undefined {
  return rows.find((row) => row.server === server)
}

function ratioCell(row: Row, reference: Row | undefined, column: string): string {
  const ours = row.medians[column]
  const theirs = reference?.medians[column]
  return ours === undefined || !theirs ? '-' : (ours / theirs).toFixed(2)
}

function verdictCells(verdicts: readonly Verdict[]): Cells {
  return [
    ['what', 'target', 'measured', 'against the reference', 'verdict'],
    ...verdicts.map((one) => [one.what, one.target, one.measured, one.ratio, one.verdict]),
  ]
}

function widthsOf(cells: Cells): number[] {
  const head = cells[0] ?? []
  return head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
}

function alignText(cells: Cells): string {
  const widths = widthsOf(cells)
  return cells
    .map((row) => `  ${row.map((cell, at) => pad(cell, widths[at] ?? 0, at)).join('  ')}`.trimEnd())
    .join('\n')
}

/** Names to the left, figures to the right. */
function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function markdownTable(cells: Cells): string {
  const [head = [], ...body] = cells
  const rule = `| ${head.map((_, at) => (at === 0 ? '---' : '---:')).join(' | ')} |`
  return [markdownLine(head), rule, ...body.map(markdownLine)].join('\n')
}

function markdownLine(row: readonly string[]): string {
  return `| ${row.join(' | ')} |`
}
