/**
 * The OAuth endpoints: path and method to endpoint. An outage is told in the words of RFC 6749
 * here, at the edge; whatever else goes wrong is a bug and is told where every bug is.
 */
import { Outage } from '../../ports/outage.ts'
import { refusedAnswer } from '../answers.ts'
import type { RequestSource } from '../request-source.ts'
import type { RequestTarget } from '../target.ts'
import { oauthError } from './answers.ts'
import type { OauthCall, OauthDeps } from './deps.ts'
import { answerIntrospection } from './introspection-endpoint.ts'
import { answerKeySet } from './key-set-endpoint.ts'
import { answerMetadata } from './metadata.ts'
import { OAUTH_POSTS, type OauthPost } from './paths.ts'
import { answerRevocation } from './revocation-endpoint.ts'
import { answerToken } from './token-endpoint.ts'

const ENDPOINTS: Readonly<Record<OauthPost, (call: OauthCall) => Promise<Response>>> = {
  token: answerToken,
  revoke: answerRevocation,
  introspect: answerIntrospection,
}

export async function handleOauth(
  request: Request,
  target: RequestTarget,
  context: { readonly deps: OauthDeps; readonly source: () => RequestSource },
): Promise<Response> {
  const { deps } = context
  const source = { ...context.source(), protocol: 'oauth' }
  const call = { request, deps, source }
  try {
    const name = OAUTH_POSTS.get(target.path)
    if (name === undefined) return answerPublished(target.path, call)
    if (request.method !== 'POST') {
      return refusedAnswer('method_unknown', undefined, { allow: 'POST' })
    }
    // RFC 6749 §2.3.1: never in the URL, where logs and histories keep it.
    if (target.query !== '') {
      return oauthError('invalid_request', 'Parameters belong into the body, not into the URL.')
    }
    return await ENDPOINTS[name](call)
  } catch (error) {
    if (!(error instanceof Outage)) throw error
    deps.tally.refused('unavailable')
    deps.log.error('oauth_outage', error, { port: error.port, code: error.code })
    return oauthError('temporarily_unavailable', 'Something the server needs failed. Try again.')
  }
}

function answerPublished(path: string, call: OauthCall): Response {
  if (call.request.method !== 'GET' && call.request.method !== 'HEAD') {
    return refusedAnswer('method_unknown', undefined, { allow: 'GET, HEAD' })
  }
  return answerKeySet(path, call) ?? answerMetadata(path, call) ?? refusedAnswer('path_unknown')
}
