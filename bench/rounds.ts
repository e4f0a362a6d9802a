/**
 * Interleaved runs and their medians. A B C A B C, so that a slow minute of the machine hits all
 * servers alike; a run during which something else kept the server's core busy does not count.
 */
import type { Reading, Settings } from './measure.ts'
import { median } from './median.ts'
import { type Column, SERVER_TITLES, type Scenario, type ServerName } from './scenarios.ts'

/** A run is contended when others held the server's core for more than this share of the time. */
export const CONTENTION_MAX = 0.12
/** How often a contended run is made before it is dropped. */
export const TRIES_MAX = 3

export interface Row {
  readonly server: ServerName
  /** Runs that count. */
  readonly kept: number
  /** Runs still contended at the last try. */
  readonly dropped: number
  /** Contended tries that were made again. */
  readonly repeated: number
  /** Median (or worst) of the runs that count, by column; empty when none does. */
  readonly medians: Readonly<Record<string, number>>
  /** Every run that counts, in order. */
  readonly runs: readonly Readonly<Record<string, number>>[]
}

export interface Table {
  readonly scenario: Scenario
  readonly rows: readonly Row[]
}

export interface Plan {
  readonly runs: number
  readonly settings: Settings
  readonly servers: readonly ServerName[]
  /** Told what is going on, one line at a time. */
  readonly progress: (line: string) => void
}

/** @throws BrokenPromise as soon as one run fails its check: there is no figure to report then. */
export async function measureScenario(scenario: Scenario, plan: Plan): Promise<Table> {
  const servers = scenario.servers.filter((server) => plan.servers.includes(server))
  const tallies = servers.map((server) => ({
    server,
    runs: [] as Reading[],
    dropped: 0,
    repeated: 0,
  }))
  const runCount = scenario.runCount ?? plan.runs
  for (let round = 1; round <= runCount; round++) {
    for (const tally of tallies) {
      plan.progress(`${scenario.name} ${round}/${runCount} ${SERVER_TITLES[tally.server]}`)
      const { reading, tries } = await readQuietly(scenario, tally.server, plan.settings)
      tally.repeated += tries - 1
      if (reading === undefined) tally.dropped++
      else tally.runs.push(reading)
    }
  }
  const rows = tallies.map(({ runs, server, dropped, repeated }) => {
    const values = runs.map((reading) => reading.values)
    return {
      server,
      kept: runs.length,
      dropped,
      repeated,
      medians: mediansOf(values, scenario.columns),
      runs: values,
    }
  })
  return { scenario, rows }
}

/** @returns the first try that was not contended, or nothing after the last. */
async function readQuietly(
  scenario: Scenario,
  server: ServerName,
  settings: Settings,
): Promise<{ reading: Reading | undefined; tries: number }> {
  for (let tries = 1; ; tries++) {
    const reading = await scenario.run(server, settings)
    if ((reading.contention ?? 0) <= CONTENTION_MAX) return { reading, tries }
    if (tries === TRIES_MAX) return { reading: undefined, tries }
  }
}

function mediansOf(
  runs: readonly Readonly<Record<string, number>>[],
  columns: readonly Column[],
): Record<string, number> {
  const keys = Object.keys(runs[0] ?? {})
  const figure = (key: string) => {
    const values = runs.map((run) => run[key] ?? 0)
    const isWorst = columns.some((column) => column.key === key && column.isWorst === true)
    return isWorst ? Math.max(...values) : median(values)
  }
  return Object.fromEntries(keys.map((key) => [key, figure(key)]))
}
