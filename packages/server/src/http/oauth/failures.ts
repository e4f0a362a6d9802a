/**
 * What a refused client is told, and how often. Secrets have 256 bits or passed a strength policy,
 * so they cannot be guessed; the limit keeps the guesser from costing anything. It is asked after
 * the check: a right secret always passes, or a stranger could lock a client out.
 */
import { installationLimit } from '../../core/limits/limit-text.ts'
import type { LimitReading } from '../../ports/limit-engine.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import { bearerToken } from '../bearer-header.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { oauthError, type OauthError } from './answers.ts'
import { isBasic } from './client-proof.ts'
import type { OauthCall } from './deps.ts'

const BY_ADDRESS = installationLimit('oauth_failures.ip')
const BY_CLIENT = installationLimit('oauth_failures.client')
/** A limit counts no longer ones, and no client id is. */
const SUBJECT_LENGTH_MAX = 64

/**
 * @param clientId as it was said, whether there is such a client or not; undefined where none was
 * said, or where the limit of the client is not asked.
 * @returns the same answer for every way to fail, or 429.
 */
export function failureAnswer(
  error: Extract<OauthError, 'invalid_client' | 'invalid_grant'>,
  description: string,
  { call, clientId }: { readonly call: OauthCall; readonly clientId: string | undefined },
): Response {
  const { limits, tally } = call.deps
  tally.refused('credential_invalid')
  const byAddress = { rule: BY_ADDRESS, subject: limitSubject(call.source.ip), cost: 1 }
  const subject = clientId?.slice(0, SUBJECT_LENGTH_MAX)
  const byClient = subject === undefined ? [] : [{ rule: BY_CLIENT, subject, cost: 1 }]
  const { refused } = limits.take([byAddress, ...byClient])
  if (refused !== undefined) return slowDown(refused.resetMs)
  return oauthError(error, description, error === 'invalid_client' ? challengeOf(call) : {})
}

/** RFC 6749 §5.2: the challenge names the scheme the client has tried. */
function challengeOf({ request }: OauthCall): Readonly<Record<string, string>> {
  if (bearerToken(request.headers) !== undefined) {
    return { 'www-authenticate': 'Bearer realm="lockgate", error="invalid_token"' }
  }
  if (!isBasic(request.headers.get('authorization'))) return {}
  return { 'www-authenticate': 'Basic realm="lockgate", charset="UTF-8"' }
}

/** @param app who asks too often; that is written down. */
export function overLimit(
  { rule, resetMs }: LimitReading,
  { call, app }: { readonly call: OauthCall; readonly app: AppRecord },
): Response {
  const { recordDenial, tally } = call.deps
  tally.refused('rate_limited')
  const actor = { kind: 'app' as const, id: app.id }
  const target = { kind: 'limit', id: rule.name }
  const { source } = call
  const attempt = {
    action: 'limit.exceeded',
    reason: 'rate_limited',
    source,
    actor,
    target,
  } as const
  recordDenial(attempt, app)
  return slowDown(resetMs)
}

/** Of failures, which are written down one by one. */
function slowDown(waitMs: number): Response {
  const seconds = String(Math.ceil(waitMs / 1000))
  return oauthError('slow_down', 'Too many requests.', { 'retry-after': seconds })
}

export const CLIENT_TEXT = 'The client is unknown, or what it sent does not prove it.'
