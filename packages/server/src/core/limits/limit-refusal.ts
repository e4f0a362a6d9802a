/**
 * A refusal that knows its limit: which one, of what, how much of it is used and when it is free
 * again. Every protocol tells it in words of its own (`limit-answers.ts`). Pure.
 */
import type { Result } from '@lockgate/protocol/result'
import type { LimitReading } from '../../ports/limit-engine.ts'
import type { RefusalCode } from '../refusals.ts'
import type { ConcurrentLimit } from './limit-text.ts'

/** The refused arm of a {@link Result}, with what was read when it was refused. */
export interface LimitRefusal {
  readonly ok: false
  readonly refusal: Extract<
    RefusalCode,
    'rate_limited' | 'connections_full' | 'user_connections_full' | 'subscriptions_full'
  >
  /** Public. */
  readonly detail: string
  readonly reading: LimitReading
}

/** What a step answers that a limit can refuse. */
export type Limited<T> = Result<T, RefusalCode> | LimitRefusal

/**
 * @param refusal how the limit is called where it is one of things that are open at a time.
 * @returns the refused arm.
 */
export function refuseByLimit(
  reading: LimitReading,
  refusal: LimitRefusal['refusal'] = 'rate_limited',
): LimitRefusal {
  return { ok: false, refusal, detail: limitText(reading), reading }
}

/** @returns what a limit read when it refused; undefined for any other refusal. */
export function readingOf(outcome: Limited<unknown>): LimitReading | undefined {
  return !outcome.ok && 'reading' in outcome ? outcome.reading : undefined
}

/** @returns what the limit counts by: `app` of `publish.app`. */
export function scopeOf({ rule }: Pick<LimitReading, 'rule'>): string {
  return rule.name.slice(rule.name.lastIndexOf('.') + 1)
}

/** @returns which limit, how much of it, and what to do; public. */
export function limitText(reading: LimitReading): string {
  const { rule, used, resetMs } = reading
  const { name, quota, windowMs } = rule
  if (windowMs === 0) {
    return `${name} allows ${quota} at a time and ${used} are open. Close one first.`
  }
  const seconds = windowMs / 1000
  const each = seconds === 1 ? 'second' : `${seconds} seconds`
  if (quota === 0) return `${name} allows nothing. Raise the limit to use this.`
  return `${name} allows ${quota} in any ${each}. Try again in ${Math.ceil(resetMs)} ms.`
}

/**
 * The same for every protocol that carries fields: names as on the Pusher wire, whole numbers.
 * The subject is left out: it may name another user or address.
 */
export interface LimitFields {
  readonly limit: string
  readonly scope: string
  readonly used: number
  readonly quota: number
  /** 0 where the limit is one of things that are open at a time. */
  readonly window_ms: number
  readonly reset_ms: number
}

export function limitFields(reading: LimitReading): LimitFields {
  const { rule, used, resetMs } = reading
  return {
    limit: rule.name,
    scope: scopeOf(reading),
    used,
    quota: rule.quota,
    window_ms: rule.windowMs,
    reset_ms: Math.ceil(resetMs),
  }
}

/** @returns whole seconds a refused party waits, at least 1. */
export function waitSeconds({ resetMs }: Pick<LimitReading, 'resetMs'>): number {
  return Math.max(1, Math.ceil(resetMs / 1000))
}

/**
 * @param used how many are open, without the one that asks.
 * @param subject whose they are.
 */
export function concurrentReading(
  { name, quota, isShadow }: ConcurrentLimit,
  used: number,
  subject: string,
): LimitReading {
  const rule = { name, quota, windowMs: 0, isShadow, onOutage: 'local' as const }
  return { rule, subject, used, remaining: Math.max(0, quota - used), resetMs: 0 }
}
