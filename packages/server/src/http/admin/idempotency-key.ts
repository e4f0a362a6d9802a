/** The Idempotency-Key header of calls that change something. */
import type { Operation } from '@lockgate/admin-api/operation'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { KeptAnswer, RepeatableCall } from '../../credentials/administration/repeated-calls.ts'
import { resultAnswer } from './problem.ts'

export const IDEMPOTENCY_HEADER = 'idempotency-key'
/** Our bound; a UUID has 36 characters. */
const KEY = /^[!-~]{1,200}$/

interface KeyedCall {
  readonly route: { readonly name: string; readonly operation: Operation }
  readonly input: { readonly parameters: unknown; readonly body: unknown }
  /** The credential id of the operator key. */
  readonly operatorId: string
}

/** @returns undefined where the call has no key, or only reads. */
export function readIdempotencyKey(
  request: Request,
  { route, input, operatorId }: KeyedCall,
): Result<RepeatableCall | undefined, 'input_invalid'> {
  const key = request.headers.get(IDEMPOTENCY_HEADER)
  if (key === null || !takesIdempotencyKey(route.operation)) return ok(undefined)
  if (!KEY.test(key)) {
    return refuse('input_invalid', 'An Idempotency-Key has 1 to 200 printable ASCII characters.')
  }
  const { parameters, body } = input
  return ok({ operatorId, key, request: { operation: route.name, parameters, body } })
}

export function takesIdempotencyKey({ method, isStream }: Operation): boolean {
  return method !== 'GET' && isStream !== true
}

/** The first answer again, marked as that. */
export function repeatedAnswer({ value, status }: KeptAnswer): Response {
  const answer = resultAnswer(value, status)
  answer.headers.set('idempotency-replayed', 'true')
  return answer
}
