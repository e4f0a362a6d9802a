/**
 * What is told, counted for a scraper: by reasons and names that are ours and few. Nothing that a
 * caller chooses becomes a label; limits are counted by those who ask them.
 */
import type { LiveEvent, LiveEventType, LiveListener } from '../../core/live-events.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'

/** Our bound on the values of one label; a set of ours that grew beyond it ends in `other`. */
export const LABEL_COUNT_MAX = 100
const OTHER = 'other'

const METRICS = {
  auth_failures: ['reason', 'Credentials, signatures and tokens that did not hold, by reason'],
  auth_denials: ['reason', 'Calls of who may not do that, by reason'],
  credential_changes: ['action', 'Changes of credentials, by action'],
  provider_failures: ['provider', 'Credentials of ours that a provider refused, by provider'],
} as const satisfies Record<string, readonly [label: string, help: string]>

type Figure = keyof typeof METRICS

const COUNTED: ReadonlySet<LiveEventType> = new Set<LiveEventType>([
  'auth.failed',
  'auth.denied',
  'credential.changed',
  'provider.failed',
])

export class LiveFigures implements LiveListener {
  readonly #counts = new Map<Figure, Map<string, number>>()

  wants(type: LiveEventType): boolean {
    return COUNTED.has(type)
  }

  hear(event: LiveEvent): void {
    switch (event.type) {
      case 'auth.failed':
        return this.#count('auth_failures', event.details.reason)
      case 'auth.denied':
        return this.#count('auth_denials', event.details.reason)
      case 'credential.changed':
        return this.#count('credential_changes', event.details.action)
      case 'provider.failed':
        return this.#count('provider_failures', event.details.provider)
      default:
    }
  }

  metrics(): MetricDefinitions {
    const figures = Object.entries(METRICS) as [Figure, (typeof METRICS)[Figure]][]
    return {
      plain: [],
      labelled: figures.map(([figure, [label, help]]) => ({
        name: `lockgate_${figure}_total`,
        help,
        kind: 'counter',
        label,
        read: () => this.#counts.get(figure) ?? [],
      })),
    }
  }

  #count(figure: Figure, value: string): void {
    const counts = this.#counts.get(figure) ?? new Map<string, number>()
    this.#counts.set(figure, counts)
    const isRoom = counts.has(value) || counts.size < LABEL_COUNT_MAX
    const label = isRoom ? value : OTHER
    counts.set(label, (counts.get(label) ?? 0) + 1)
  }
}
