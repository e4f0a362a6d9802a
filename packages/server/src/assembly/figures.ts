/** What the core, its limits and its audit count, for metrics. */
import type { SharedLimits } from '../core/limits/shared-limits.ts'
import { type Tally, tallyMetrics } from '../core/tally.ts'
import { auditMetrics } from '../credentials/audit/audit-figures.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { CredentialCore } from './credential-core.ts'

export function figuresOf(
  core: CredentialCore,
  tally: Tally,
  limits: SharedLimits,
): readonly MetricDefinitions[] {
  return [tallyMetrics(tally), core.figures.metrics(), auditMetrics(core), limits.metrics()]
}
