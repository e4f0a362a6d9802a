/** `GET /{tenantId}/.well-known/jwks`: the keys that tokens of a tenant are signed with. */
import { installationLimit } from '../../core/limits/limit-text.ts'
import { NO_OWNER } from '../../credentials/audit/denied-access.ts'
import { refusedAnswer } from '../answers.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import type { OauthCall } from './deps.ts'

/** Contract 4: 20 requests in 10 minutes, by address. */
export const KEY_SET_LIMIT = installationLimit('jwks.ip')
/** Verifiers ask again after this; a new key signs no earlier than that after it is published. */
const CACHE_SECONDS = 300
const PATH = /^\/([0-9a-f-]{36})\/\.well-known\/jwks(?:\.json)?$/

/** @returns undefined when the path is not of a key set. */
export function answerKeySet(path: string, { deps, source }: OauthCall): Response | undefined {
  const [, tenantId] = PATH.exec(path) ?? []
  if (tenantId === undefined) return undefined
  const charge = { rule: KEY_SET_LIMIT, subject: limitSubject(source.ip), cost: 1 }
  const { refused } = deps.limits.take([charge])
  if (refused !== undefined) {
    const target = { kind: 'limit', id: KEY_SET_LIMIT.name }
    const attempt = { action: 'limit.exceeded', reason: 'rate_limited', source, target } as const
    deps.recordDenial(attempt, NO_OWNER)
    deps.tally.refused('rate_limited')
    const seconds = String(Math.ceil(refused.resetMs / 1000))
    return refusedAnswer('rate_limited', undefined, { 'retry-after': seconds })
  }
  const keySet = deps.keys.keySet(tenantId, deps.clock.nowMs())
  if (keySet === undefined) return refusedAnswer('path_unknown', 'There is no such tenant.')
  const headers = {
    'content-type': 'application/jwk-set+json', // RFC 7517 §8.5.1
    'cache-control': `public, max-age=${CACHE_SECONDS}`,
    'access-control-allow-origin': '*', // public keys, for verifiers in browsers too
  }
  return new Response(JSON.stringify(keySet), { headers })
}
