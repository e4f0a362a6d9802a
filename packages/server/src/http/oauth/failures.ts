/**
 * What a refused client is told, and how often. Secrets have 256 bits or passed a strength policy,
 * so they cannot be guessed; the limit keeps the guesser from costing anything. It is asked after
 * the check: a right secret always passes, or a stranger could lock a client out.
 */
import { limitText } from '../../core/limits/limit-refusal.ts'
import type { WindowLimitName } from '../../core/limits/limit-names.ts'
import type { LimitReading } from '../../ports/limit-engine.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import { bearerToken } from '../bearer-header.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { refusedHeaders } from '../limit-headers.ts'
import { oauthError, type OauthError } from './answers.ts'
import { isBasic } from './client-proof.ts'
import type { OauthCall } from './deps.ts'

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
  const { guard, tally } = call.deps
  tally.refused('credential_invalid')
  const byAddress = { name: 'oauth_failures.ip', subject: limitSubject(call.source.ip) } as const
  const subject = clientId?.slice(0, SUBJECT_LENGTH_MAX)
  const byClient =
    subject === undefined ? [] : [{ name: 'oauth_failures.client', subject } as const]
  const about = { owner: undefined, source: () => call.source }
  const { refused } = guard.charge([byAddress, ...byClient], about)
  if (refused !== undefined) return slowDown(refused)
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

/**
 * Charges what an app that was recognized does.
 * @returns undefined when it may; what it is told else.
 */
export function overLimit(
  name: WindowLimitName,
  { call, app }: { readonly call: OauthCall; readonly app: AppRecord },
): Response | undefined {
  const { guard, tally } = call.deps
  const owner = { tenantId: app.tenantId, appId: app.id, region: app.region }
  const actor = { kind: 'app' as const, id: app.id }
  const about = { owner, actor, source: () => call.source }
  const { refused } = guard.charge([{ name, subject: app.id }], about)
  if (refused === undefined) return undefined
  tally.refused('rate_limited')
  return slowDown(refused)
}

/** Before anything of a request is read: who asks without end costs a look-up. */
export function overAddress(call: OauthCall): Response | undefined {
  const { guard, tally } = call.deps
  const { refused } = guard.authenticate(limitSubject(call.source.ip), undefined, call.source)
  if (refused === undefined) return undefined
  tally.refused('rate_limited')
  return slowDown(refused)
}

function slowDown(reading: LimitReading): Response {
  return oauthError('slow_down', limitText(reading), refusedHeaders(reading))
}

export const CLIENT_TEXT = 'The client is unknown, or what it sent does not prove it.'
