/** How often each limit was hit. Labels are names of limits, which no client chooses. */
import type { MetricDefinitions } from '../../ports/metrics.ts'

export class LimitTally {
  readonly exceeded = new Map<string, number>()
  readonly shadowed = new Map<string, number>()
  readonly warned = new Map<string, number>()
}

export function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** @returns the numbers of `tally` under their Prometheus names. */
export function limitMetrics(tally: LimitTally): MetricDefinitions {
  const counter = (field: keyof LimitTally, name: string, help: string) => ({
    name: `lockgate_limits_${name}_total`,
    help,
    kind: 'counter' as const,
    label: 'limit',
    read: () => tally[field],
  })
  return {
    plain: [],
    labelled: [
      counter('exceeded', 'exceeded', 'Requests refused by a limit'),
      counter('shadowed', 'shadowed', 'Requests a limit in shadow mode would have refused'),
      counter('warned', 'warned', 'Times 80 % of a limit were reached'),
    ],
  }
}
