/** Puts the guard together: the limits of the configuration over an engine, with what it tells. */
import type { Config } from '../config/config.ts'
import { Guard } from '../core/limits/guard.ts'
import type { Violation, ViolationOwner } from '../core/limits/limit-telling.ts'
import { installationRules } from '../core/limits/installation-limits.ts'
import { limitMetrics, LimitTally } from '../core/limits/limit-tally.ts'
import type { LiveEvents } from '../core/live-events.ts'
import { AppLimitBook, readLimits } from '../credentials/app-limits.ts'
import type { RecordDenial } from '../credentials/audit/denied-access.ts'
import type { AskRetry } from '../outbound/webhooks/attempt.ts'
import type { Clock } from '../ports/clock.ts'
import type { LimitEngine } from '../ports/limit-engine.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'

export interface Guarding {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly engine: LimitEngine
  readonly metrics: () => MetricDefinitions
}

export function createGuarding(
  config: Pick<Config, 'guard'>,
  ports: {
    readonly engine: LimitEngine
    readonly clock: Clock
    readonly events: LiveEvents
    readonly recordDenial: RecordDenial
  },
): Guarding {
  const { engine, clock, events, recordDenial } = ports
  const configured = readLimits(config.guard.limits)
  const tally = new LimitTally()
  const record = (violation: Violation) => recordViolation(violation, recordDenial)
  const guard = new Guard(installationRules(configured), { engine, clock, events, tally, record })
  const limitBook = new AppLimitBook(configured)
  return { guard, limitBook, engine, metrics: () => limitMetrics(tally) }
}

/** Charges retries of webhooks to `webhook_retries.endpoint`. */
export function retryAsker({ guard, limitBook }: Guarding): AskRetry {
  return ({ loaded, endpoint }) => {
    const { refused } = guard.webhookRetry(limitBook.of(loaded), endpoint.id)
    return refused === undefined ? 0 : Math.max(1, Math.ceil(refused.resetMs))
  }
}

/** Names the limit and not its subject: clients choose channels and users. */
function recordViolation(violation: Violation, recordDenial: RecordDenial): void {
  const { reading, owner, source, ...recognized } = violation
  const { name, quota, windowMs } = reading.rule
  const target = { kind: 'limit', id: name }
  const after = { quota, windowMs }
  const attempt = { action: 'limit.exceeded', reason: 'rate_limited', source, target } as const
  const { tenantId, region, appId } = owner ?? NO_PLACE
  const place = region === undefined || appId === undefined ? {} : { region, id: appId }
  recordDenial({ ...attempt, ...recognized, after }, { tenantId, ...place })
}

const NO_PLACE: ViolationOwner = { tenantId: undefined }
