/** How the subscription of an app moves from one plan or state to the next. Pure. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Subscription, SubscriptionState } from '../../ports/records/plan.ts'

export interface SubscriptionRequest {
  readonly plan: string
  /** Undefined: active. */
  readonly state?: SubscriptionState | undefined
  /** Of a cancelled subscription, and of no other. */
  readonly endsAtMs?: number | undefined
}

/** @returns the subscription; one that goes on with its plan keeps its beginning. */
export function subscriptionAfter(
  before: Subscription | undefined,
  request: SubscriptionRequest,
  nowMs: number,
): Result<Subscription, 'input_invalid'> {
  const { plan, state = 'active', endsAtMs } = request
  if (state === 'cancelled' && endsAtMs === undefined) {
    return refuse('input_invalid', 'A cancelled subscription needs endsAt: it works until then.')
  }
  if (state !== 'cancelled' && endsAtMs !== undefined) {
    return refuse('input_invalid', 'endsAt belongs to a cancelled subscription only.')
  }
  const goesOn = before?.plan === plan && before.state !== 'inactive'
  return ok({ plan, state, sinceMs: goesOn ? before.sinceMs : nowMs, endsAtMs })
}
