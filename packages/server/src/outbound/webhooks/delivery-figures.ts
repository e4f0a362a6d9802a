/** What is counted of deliveries; labels are words of ours, so there are few of them. */
import type { MetricDefinitions } from '../../ports/metrics.ts'
import type { Lanes } from './lanes.ts'

/** What became of an attempt, or of what never got to one. */
export type DeliveryCount =
  | 'delivered'
  | 'retried'
  | 'dead'
  /** Dead letters removed because there were too many. */
  | 'dropped'
  | 'queue_full'
  | 'body_large'

export class DeliveryFigures {
  readonly #counts = new Map<DeliveryCount, number>()
  /** By `2xx` ... `5xx`, or why there was no status. */
  readonly #attempts = new Map<string, number>()

  count(what: DeliveryCount, count = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count)
  }

  attempted(outcome: string): void {
    const label = /^\d/.test(outcome) ? `${outcome.charAt(0)}xx` : outcome
    this.#attempts.set(label, (this.#attempts.get(label) ?? 0) + 1)
  }

  countOf(what: DeliveryCount): number {
    return this.#counts.get(what) ?? 0
  }

  metrics(lanes: Lanes, nowMs: () => number): MetricDefinitions {
    return {
      plain: [
        gauge('waiting', 'Deliveries that wait or are under way', () => lanes.waiting.total),
        gauge('held', 'Deliveries in memory', () => lanes.held.total),
        gauge('dead_letters', 'Deliveries given up and kept', () =>
          sumOf(lanes, ({ deadCount }) => deadCount),
        ),
        gauge('in_flight', 'Deliveries being sent now', () =>
          sumOf(lanes, ({ inFlightCount }) => inFlightCount),
        ),
        gauge('oldest_age_seconds', 'Age of the oldest delivery that waits', () =>
          oldestAgeSeconds(lanes, nowMs()),
        ),
      ],
      labelled: [
        {
          name: 'lockgate_webhook_deliveries_total',
          help: 'What became of deliveries',
          kind: 'counter',
          label: 'outcome',
          read: () => this.#counts,
        },
        {
          name: 'lockgate_webhook_attempts_total',
          help: 'What receivers answered',
          kind: 'counter',
          label: 'answer',
          read: () => this.#attempts,
        },
        {
          name: 'lockgate_webhook_breakers',
          help: 'Endpoints by state of their breaker',
          kind: 'gauge',
          label: 'state',
          read: () => breakersOf(lanes, nowMs()),
        },
      ],
    }
  }
}

function gauge(name: string, help: string, read: () => number) {
  return { name: `lockgate_webhook_${name}`, help, kind: 'gauge', read } as const
}

function sumOf(lanes: Lanes, read: (lane: { deadCount: number; inFlightCount: number }) => number) {
  let sum = 0
  for (const lane of lanes) sum += read(lane)
  return sum
}

function oldestAgeSeconds(lanes: Lanes, nowMs: number): number {
  let oldestAtMs = nowMs
  for (const lane of lanes) {
    if (lane.waitingCount > 0) oldestAtMs = Math.min(oldestAtMs, lane.oldestAtMs ?? nowMs)
  }
  return (nowMs - oldestAtMs) / 1_000
}

function breakersOf(lanes: Lanes, nowMs: number): Map<string, number> {
  const counts = new Map([
    ['closed', 0],
    ['open', 0],
    ['half_open', 0],
  ])
  for (const { breaker } of lanes) {
    const state = breaker.stateAt(nowMs)
    counts.set(state, (counts.get(state) ?? 0) + 1)
  }
  return counts
}
