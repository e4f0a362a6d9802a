/**
 * Limits in HTTP answers: `RateLimit-Policy` and `RateLimit` of
 * draft-ietf-httpapi-ratelimit-headers-10, structured fields (RFC 9651), and `Retry-After` where
 * something was refused. Pure.
 */
import { waitSeconds } from '../core/limits/limit-refusal.ts'
import type { LimitReading } from '../ports/limit-engine.ts'

/** Our bound on the policies of one answer: the ones that are used up most. */
export const POLICY_COUNT_MAX = 8
/** A structured field holds no larger integer: RFC 9651 §3.3.1. */
const INTEGER_MAX = 999_999_999_999_999

/**
 * @param readings of limits the request was counted by; those of things that are open at a time
 * have no window and are left out.
 */
export function limitHeaders(readings: readonly LimitReading[]): Readonly<Record<string, string>> {
  const shown = readings
    .filter(({ rule }) => rule.windowMs > 0 && !rule.isShadow)
    .sort((one, other) => shareLeft(one) - shareLeft(other))
    .slice(0, POLICY_COUNT_MAX)
  if (shown.length === 0) return {}
  return {
    'ratelimit-policy': shown.map(policyItem).join(', '),
    ratelimit: shown.map(limitItem).join(', '),
  }
}

/** @returns what a refused request is told. */
export function refusedHeaders(reading: LimitReading): Readonly<Record<string, string>> {
  return { ...limitHeaders([reading]), 'retry-after': String(waitSeconds(reading)) }
}

/** Names of limits hold no quote and no backslash. Bytes are counted in bytes: §4.1.2. */
function policyItem({ rule: { name, quota, windowMs } }: LimitReading): string {
  const unit = name.includes('bytes') ? ';qu="content-bytes"' : ''
  return `"${name}";q=${integer(quota)};w=${Math.ceil(windowMs / 1000)}${unit}`
}

function limitItem({ rule, remaining, resetMs }: LimitReading): string {
  return `"${rule.name}";r=${integer(remaining)};t=${Math.ceil(resetMs / 1000)}`
}

function integer(value: number): number {
  return Math.min(INTEGER_MAX, Math.max(0, Math.floor(value)))
}

function shareLeft({ remaining, rule }: LimitReading): number {
  return rule.quota === 0 ? 0 : remaining / rule.quota
}
