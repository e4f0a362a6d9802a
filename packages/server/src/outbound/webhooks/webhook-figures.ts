/** What webhooks count before they are queued, for a scraper. No label is anybody's choice. */
import type { MetricDefinition, MetricDefinitions } from '../../ports/metrics.ts'

export interface FigureSources {
  readonly heldCount: () => number
  readonly delayedCount: () => number
  readonly hurriedCount: () => number
  readonly uncountedCount: () => number
}

export class WebhookFigures {
  bodyCount = 0
  lostCount = 0

  metrics(of: FigureSources): MetricDefinitions {
    const define = (kind: MetricDefinition['kind'], name: string, help: string) =>
      ({ kind, name: `lockgate_webhook_${name}`, help }) as const
    return {
      plain: [
        {
          ...define('counter', 'bodies_total', 'Webhook bodies made, each for one endpoint'),
          read: () => this.bodyCount,
        },
        {
          ...define('counter', 'bodies_lost_total', 'Bodies that the queue was out for too long'),
          read: () => this.lostCount,
        },
        {
          ...define('gauge', 'bodies_held', 'Bodies that are not in the durable queue yet'),
          read: of.heldCount,
        },
        {
          ...define('gauge', 'departures_waiting', 'Departures held back for three seconds'),
          read: of.delayedCount,
        },
        {
          ...define('counter', 'departures_hurried_total', 'Departures told without the delay'),
          read: of.hurriedCount,
        },
        {
          ...define('counter', 'flood_kinds_lost_total', 'Denials not told: too many kinds'),
          read: of.uncountedCount,
        },
      ],
      labelled: [],
    }
  }
}
