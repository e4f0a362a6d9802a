/** What the suites of the limit engine port are written with. */
import type {
  LimitCharge,
  LimitCounts,
  LimitEngine,
  LimitRule,
} from '../../packages/server/src/ports/limit-engine.ts'
import type { HandClock } from './hand-clock.ts'

/** How much longer than a window an adapter may hold a use against somebody, in windows. */
export const LATE_SHARE_MAX = 1 / 7

export type TestedEngine = LimitEngine & LimitCounts

export interface Bench {
  readonly clock: HandClock
  readonly engine: TestedEngine
}

export function ruleOf(parts: Partial<LimitRule>): LimitRule {
  const usual = { name: 'publish.user', quota: 5, windowMs: 60_000 }
  return { ...usual, isShadow: false, onOutage: 'local', ...parts }
}

export function chargeOf(rule: LimitRule, subject = 's', cost = 1): LimitCharge {
  return { rule, subject, cost }
}

/** @returns how many are allowed before the first that is not. */
export function takeAll(engine: LimitEngine, rule: LimitRule, subject = 's'): number {
  const charges = [chargeOf(rule, subject)]
  let count = 0
  while (engine.take(charges).isAllowed) count++
  return count
}
