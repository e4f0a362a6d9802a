/** How a call of the Pusher HTTP API is charged, and what it is told of its limits. */
import { limitSubject } from '../../core/limits/address-subject.ts'
import { ownSubject } from '../../core/limits/charges.ts'
import type { Asker } from '../../core/limits/charge-writing.ts'
import type { Guard } from '../../core/limits/guard.ts'
import { type LimitRefusal, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { AppLimitBook } from '../../credentials/app-limits.ts'
import type { LimitVerdict } from '../../ports/limit-engine.ts'
import { limitHeaders } from '../limit-headers.ts'
import type { RequestSource } from '../request-source.ts'
import type { AuthenticatedCall } from './authenticate.ts'
import type { PublishContext } from './events.ts'

export interface ChargingDeps {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
}

export interface CallCharges {
  readonly charge: PublishContext['charge']
  /** @returns the fields of an answer to a call that was counted. */
  readonly headers: () => Readonly<Record<string, string>>
}

/** @param call who was authenticated: a token counts for its user, a server for nobody. */
export function callCharges(
  { loaded, userId, limits: own }: AuthenticatedCall,
  source: () => RequestSource,
  { guard, limitBook: book }: ChargingDeps,
): CallCharges {
  const limits = book.for(loaded, own)
  const user = userId === undefined ? undefined : ownSubject(loaded.app.id, userId)
  let asker: Asker | undefined
  const askerOf = () => {
    asker ??= { user, connection: undefined, source: { ...source(), protocol: 'http' } }
    return asker
  }
  return {
    charge: (items) => refusalOf(guard.serverPublish(limits, askerOf(), items)),
    headers: () =>
      limitHeaders(guard.readings(limits, ['http_publish', 'server_publish'], askerOf())),
  }
}

/** Charges a call nobody vouched for. @returns undefined while it is told as what it is. */
export function failedCall(
  refusal: RefusalCode,
  source: () => RequestSource,
  { guard }: ChargingDeps,
): LimitRefusal | undefined {
  if (!FAILED.has(refusal)) return undefined
  const from = { ...source(), protocol: 'http' }
  return refusalOf(guard.authenticate(limitSubject(from.ip), undefined, from))
}

/** Proofs that do not hold, or do no longer. */
const FAILED: ReadonlySet<RefusalCode> = new Set([
  'unauthenticated',
  'credential_invalid',
  'credential_revoked',
  'token_expired',
])

function refusalOf({ refused }: LimitVerdict): LimitRefusal | undefined {
  return refused === undefined ? undefined : refuseByLimit(refused)
}
