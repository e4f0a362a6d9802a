/**
 * Counts what is told against the rules, and tells of alerts: to those who watch and, as the rule
 * says, to the log, to mail and to webhooks.
 */
import type { LiveEvent, LiveEvents, LiveEventType, LiveListener } from '../../core/live-events.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { MetricDefinitions } from '../../ports/metrics.ts'
import { AlertList } from './alert-list.ts'
import {
  type AlertRule,
  type AlertSubject,
  type AlertWatch,
  COUNTED_TYPES,
  countOf,
  INSTALLATION_SUBJECT,
  subjectKey,
  watchesOf,
} from './alert-rule.ts'
import { type Level, RuleStates, type Transition } from './rule-states.ts'

export interface AlertNotice extends Transition {
  readonly atMs: number
}

export interface AlertDeps {
  readonly rules: readonly AlertRule[]
  readonly events: LiveEvents
  readonly clock: Clock
  readonly log: Log
  /** Whose webhook endpoints get what is of no app. */
  readonly app: () => AlertSubject | undefined
  /** Undefined: there is no mail server. */
  readonly mail: { add(notice: AlertNotice): void } | undefined
}

export class Alerts implements LiveListener {
  readonly list = new AlertList()
  readonly #deps: AlertDeps
  readonly #states: readonly RuleStates[]
  readonly #byWatch = new Map<AlertWatch, RuleStates[]>()
  readonly #raised = new Map<string, number>()

  constructor(deps: AlertDeps) {
    this.#deps = deps
    this.#states = deps.rules.map((rule) => new RuleStates(rule, (each) => this.#tell(each)))
    for (const states of this.#states) {
      const { watch, name } = states.rule
      this.#byWatch.set(watch, [...(this.#byWatch.get(watch) ?? []), states])
      this.#raised.set(name, 0)
    }
  }

  wants(type: LiveEventType): boolean {
    return COUNTED_TYPES.has(type)
  }

  hear(event: LiveEvent): void {
    const nowMs = this.#deps.clock.monotonicMs()
    const { tenantId, appId } = event
    for (const watch of watchesOf(event)) {
      for (const states of this.#byWatch.get(watch) ?? []) {
        states.add({ tenantId, appId }, nowMs, countOf(event))
      }
    }
  }

  /** @param overdue one for each credential whose rotation is overdue. */
  lookAtRotations(overdue: Iterable<AlertSubject>): void {
    const nowMs = this.#deps.clock.monotonicMs()
    const subjects = [...overdue]
    for (const states of this.#byWatch.get('rotations_overdue') ?? []) {
      const levels = new Map<string, Level>()
      for (const subject of subjects) {
        const own = states.rule.per === 'app' ? subject : INSTALLATION_SUBJECT
        const known = levels.get(subjectKey(own))
        levels.set(subjectKey(own), { subject: own, level: (known?.level ?? 0) + 1 })
      }
      states.replaceLevels(levels, nowMs)
    }
  }

  /** Called about once a second. */
  tick(): void {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const states of this.#states) states.tick(nowMs)
  }

  metrics(): MetricDefinitions {
    return {
      plain: [],
      labelled: [
        {
          name: 'lockgate_alerts_active',
          help: 'Alerts that last, by rule',
          kind: 'gauge',
          label: 'rule',
          read: () =>
            this.#states.map(({ rule, raisedCount }) => [rule.name, raisedCount] as const),
        },
        {
          name: 'lockgate_alerts_raised_total',
          help: 'Alerts that were raised, by rule',
          kind: 'counter',
          label: 'rule',
          read: () => this.#raised,
        },
      ],
    }
  }

  #tell(transition: Transition): void {
    const { events, clock, log, app, mail } = this.#deps
    const { kind, rule, subject, count } = transition
    const atMs = clock.nowMs()
    this.list.take(transition, atMs)
    if (kind === 'raised') this.#raised.set(rule.name, (this.#raised.get(rule.name) ?? 0) + 1)
    const { threshold, windowMs, to } = rule
    const about = subject.appId ?? subject.tenantId ?? ''
    if (to.includes('log')) {
      const fields = { rule: rule.name, about, count, threshold, windowMs }
      if (kind === 'raised') log.warn('alert_raised', fields)
      else log.info('alert_resolved', fields)
    }
    if (to.includes('email')) mail?.add({ ...transition, atMs })
    const isToWebhooks = to.includes('webhook')
    // An alert of no app has no endpoints but those that were named for it.
    const owner = isToWebhooks && subject.appId === undefined ? (app() ?? subject) : subject
    const held = isToWebhooks ? {} : { isHeldBack: true as const }
    const details = { rule: rule.name, subject: about, count, threshold, windowMs, ...held }
    events.tell({ type: `alert.${kind}`, atMs, ...owner, details })
  }
}
