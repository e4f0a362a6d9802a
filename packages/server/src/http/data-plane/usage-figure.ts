/** How much of a limit is used, as people read it (contract WireSocket 8). Pure. */
import { UNLIMITED } from '../../ports/records/plan.ts'

export interface UsageFigure {
  readonly current: number
  /** {@link UNLIMITED} stands for none. */
  readonly limit: number
  /** One decimal, rounded down, so that it never shows a threshold that is not reached. */
  readonly percent: number
  readonly status: 'healthy' | 'warning' | 'critical'
}

const WARNING_PERCENT = 75
const CRITICAL_PERCENT = 90

/** Of a limit of 0 all is used, whatever is there. */
export function usageFigure(current: number, limit: number): UsageFigure {
  const percent = percentOf(current, limit)
  return { current, limit, percent, status: statusOf(percent) }
}

function percentOf(current: number, limit: number): number {
  if (limit >= UNLIMITED) return 0
  return limit === 0 ? 100 : Math.floor((current * 1_000) / limit) / 10
}

function statusOf(percent: number): UsageFigure['status'] {
  if (percent >= CRITICAL_PERCENT) return 'critical'
  return percent >= WARNING_PERCENT ? 'warning' : 'healthy'
}
