/** `GET /{tenantId}/.well-known/jwks`: the keys that tokens of a tenant are signed with. */
import { refuseByLimit } from '../../core/limits/limit-refusal.ts'
import { limitedAnswer, refusedAnswer } from '../answers.ts'
import { limitHeaders } from '../limit-headers.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import type { OauthCall } from './deps.ts'

/** Verifiers ask again after this; a new key signs no earlier than that after it is published. */
const CACHE_SECONDS = 300
const PATH = /^\/([0-9a-f-]{36})\/\.well-known\/jwks(?:\.json)?$/

/** @returns undefined when the path is not of a key set. */
export function answerKeySet(path: string, { deps, source }: OauthCall): Response | undefined {
  const [, tenantId] = PATH.exec(path) ?? []
  if (tenantId === undefined) return undefined
  // Contract 4: by address.
  const charges = [{ name: 'jwks.ip', subject: limitSubject(source.ip) }] as const
  const { refused } = deps.guard.charge(charges, { owner: undefined, source: () => source })
  if (refused !== undefined) {
    deps.tally.refused('rate_limited')
    return limitedAnswer(refuseByLimit(refused))
  }
  const keySet = deps.keys.keySet(tenantId, deps.clock.nowMs())
  if (keySet === undefined) return refusedAnswer('path_unknown', 'There is no such tenant.')
  const headers = {
    'content-type': 'application/jwk-set+json', // RFC 7517 §8.5.1
    'cache-control': `public, max-age=${CACHE_SECONDS}`,
    'access-control-allow-origin': '*', // public keys, for verifiers in browsers too
    ...limitHeaders(deps.guard.readOwn(charges)),
  }
  return new Response(JSON.stringify(keySet), { headers })
}
