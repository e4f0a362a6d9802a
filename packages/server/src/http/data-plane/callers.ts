/** Who asks the data plane: a client with an access token of ours, in a header or in the query. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { type LimitRefusal, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { namedBearer } from '../../credentials/audit/denied-access.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import { isPageOf } from '../../credentials/page-origin.ts'
import type { PlanLimits } from '../../ports/records/plan.ts'
import { bearerToken } from '../bearer-header.ts'
import type { DataCall } from './deps.ts'

export interface DataCaller {
  readonly loaded: LoadedApp
  /** What the token says. */
  readonly limits: PlanLimits
}

/**
 * Keys and tokens of customers are none of the data plane (contract WireSocket 8): a page asks with
 * what it holds to edit a document.
 */
export async function proveCaller(
  call: DataCall,
): Promise<Result<DataCaller, RefusalCode> | LimitRefusal> {
  const { request, target, deps } = call
  const source = { ...call.source(), protocol: 'http' }
  const token = bearerToken(request.headers) ?? new URLSearchParams(target.query).get('token') ?? ''
  const proven = token === '' ? refuse('credential_missing') : await prove(token, call)
  if (!proven.ok) {
    // Charged after the check, so that a right token always passes.
    const { refused } = deps.guard.authenticate(limitSubject(source.ip), undefined, source)
    return refused === undefined ? proven : refuseByLimit(refused)
  }
  const { app } = proven.value.loaded
  const origin = request.headers.get('origin') ?? undefined
  if (isPageOf(app, origin)) return proven
  const reason = 'origin_refused'
  deps.recordDenial({ action: 'auth.denied', reason, source, target: namedBearer(token) }, app)
  return refuse(reason)
}

async function prove(
  token: string,
  { deps, source }: DataCall,
): Promise<Result<DataCaller, RefusalCode>> {
  const identity = await deps.bearers.authenticate(token, { ...source(), protocol: 'http' })
  if (!identity.ok) return identity
  const { loaded, planLimits: limits } = identity.value
  return limits === undefined ? refuse('credential_invalid') : ok({ loaded, limits })
}
