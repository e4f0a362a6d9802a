/** Puts together what shows events to those who watch, counts them, and alerts. */
import type { Config } from '../config/config.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import type { Alerts } from '../outbound/alerts/alerts.ts'
import { EventJournal } from '../outbound/watch/event-journal.ts'
import { LiveFigures } from '../outbound/watch/live-figures.ts'
import { Watchers } from '../outbound/watch/watchers.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { Random } from '../ports/random.ts'
import { type AlertingPorts, openAlerting } from './alerting.ts'

const TICK_MS = 1_000

export interface Watch {
  /** What the administration shows. */
  readonly shown: { readonly watchers: Watchers; readonly alerts: Alerts }
  readonly tasks: readonly UpkeepTask[]
  readonly metrics: () => readonly MetricDefinitions[]
}

export function openWatch(
  config: Pick<Config, 'alerts' | 'alertRules'>,
  ports: AlertingPorts & { readonly random: Random },
): Watch {
  const { events, authority, clock, random } = ports
  const journal = new EventJournal(random)
  events.listen(journal)
  const watchers = new Watchers(journal, clock)
  // A key that is revoked sees nothing more, as fast as connections end.
  authority.onChange(() => watchers.check())
  const figures = new LiveFigures()
  events.listen(figures)
  const { alerts, tasks, metrics } = openAlerting(config, ports)
  const task = {
    name: 'watchers',
    everyMs: TICK_MS,
    run: async () => watchers.tick(),
    finish: async () => watchers.close(),
  }
  return {
    shown: { watchers, alerts },
    tasks: [task, ...tasks],
    metrics: () => [watchers.metrics(), figures.metrics(), ...metrics()],
  }
}
