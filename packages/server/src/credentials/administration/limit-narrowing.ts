/**
 * What keys of a tenant set for an app only narrows. Where neither installation nor plan names a
 * limit its default holds, and an app may name another: an installation does that for its apps, but
 * a tenant that could would set its own limits. Pure.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { effectiveLimits, limitsNotKept } from '../../core/limits/effective-limits.ts'
import { formatLimit } from '../../core/limits/limit-text.ts'
import type { AppLimitBook, LimitingParts } from '../app-limits.ts'
import type { Caller } from './context.ts'

export interface LimitedChange {
  readonly after: LimitingParts
  /** What is wide already may stay so; undefined for a new app, or one that moves to a plan. */
  readonly before?: LimitingParts
}

/** @returns for keys of the installation always ok. */
export function checkNarrowed(
  { after, before }: LimitedChange,
  caller: Pick<Caller, 'tenantId'>,
  book: Pick<AppLimitBook, 'origins'>,
): Result<true, 'limit_widened'> {
  if (caller.tenantId === undefined) return ok(true)
  const { installation, plan, app } = book.origins(after)
  const allowed = [...installation, ...plan]
  const next = effectiveLimits({ plan: allowed, app })
  const widened = limitsNotKept(next, effectiveLimits({ plan: allowed }))
  const asBefore = before === undefined ? widened : limitsNotKept(next, effectiveOf(before, book))
  const fresh = widened.filter(({ name }) => asBefore.some((limit) => limit.name === name))
  const [first] = fresh
  if (first === undefined) return ok(true)
  return refuse('limit_widened', `Keep ${formatLimit(first)}, or less than that.`)
}

function effectiveOf(parts: LimitingParts, book: Pick<AppLimitBook, 'origins'>) {
  const { installation, plan, app } = book.origins(parts)
  return effectiveLimits({ plan: [...installation, ...plan], app })
}
