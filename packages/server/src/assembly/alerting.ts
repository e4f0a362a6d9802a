/** Puts together what counts and tells alerts. */
import type { Config } from '../config/config.ts'
import type { LiveEvents } from '../core/live-events.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import type { Authority } from '../credentials/authority.ts'
import { AlertMail } from '../outbound/alerts/alert-mail.ts'
import { Alerts } from '../outbound/alerts/alerts.ts'
import { OverdueRotations } from '../outbound/alerts/overdue-rotations.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Mailer } from '../ports/mailer.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'

const SECOND_MS = 1_000
/** How soon an overdue rotation is noticed, and that it was done. */
const ROTATIONS_MS = 5_000

export interface Alerting {
  readonly alerts: Alerts
  readonly tasks: readonly UpkeepTask[]
  readonly metrics: () => readonly MetricDefinitions[]
}

export interface AlertingPorts {
  readonly events: LiveEvents
  readonly authority: Authority
  readonly clock: Clock
  readonly log: Log
  /** Undefined: there is no mail server. */
  readonly mailer: Mailer | undefined
}

export function openAlerting(
  config: Pick<Config, 'alerts' | 'alertRules'>,
  ports: AlertingPorts,
): Alerting {
  const { events, authority, clock, log, mailer } = ports
  const { to, app: appId, mailTo, mailEverySeconds } = config.alerts
  const everyMs = mailEverySeconds * SECOND_MS
  const mail = mailer && new AlertMail({ mailer, to: mailTo, everyMs, clock, log, events })
  const rules = config.alertRules
    .filter(({ isEnabled }) => isEnabled)
    .map((rule) => ({ ...rule, to: rule.to ?? to }))
  // Looked for each time: apps come and go while the server runs.
  const app = () => {
    const found = appId === undefined ? undefined : authority.apps.findById(appId)
    return found && { tenantId: found.tenant.id, appId: found.app.id }
  }
  if (appId !== undefined && app() === undefined) log.warn('alerts_app_unknown', { app: appId })
  const alerts = new Alerts({ rules, events, clock, log, app, mail })
  events.listen(alerts)
  const overdue = new OverdueRotations({ authority, clock })
  const lookAtRotations = async () => {
    const found = overdue.step()
    if (found !== undefined) alerts.lookAtRotations(found)
  }
  const nothing = async () => {}
  const tasks: UpkeepTask[] = [
    { name: 'alerts', everyMs: SECOND_MS, run: async () => alerts.tick(), finish: nothing },
    { name: 'rotations', everyMs: ROTATIONS_MS, run: lookAtRotations, finish: nothing },
  ]
  if (mail !== undefined) {
    tasks.push({
      name: 'alert_mail',
      everyMs: SECOND_MS,
      run: async () => mail.start(),
      finish: () => mail.finish(),
    })
  }
  return { alerts, tasks, metrics: () => [alerts.metrics(), ...(mail ? [mail.metrics()] : [])] }
}
