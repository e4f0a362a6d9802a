/** `POST /oauth/revoke`: RFC 7009. */
import { oauthAnswer, oauthError } from './answers.ts'
import { readClientProof } from './client-proof.ts'
import type { OauthCall } from './deps.ts'
import { CLIENT_TEXT, failureAnswer } from './failures.ts'
import { readParameters } from './parameters.ts'

export async function answerRevocation(call: OauthCall): Promise<Response> {
  const { request, deps, source } = call
  const read = await readParameters(request)
  if (!read.ok) return oauthError(read.refusal, read.detail ?? '')
  const parameters = read.value
  const token = parameters.get('token')
  if (token === undefined) return oauthError('invalid_request', 'token is missing.')
  const proof = readClientProof(parameters, request.headers.get('authorization'))
  if (!proof.ok) {
    if (proof.refusal === 'invalid_request') return oauthError(proof.refusal, proof.detail ?? '')
    return failureAnswer('invalid_client', CLIENT_TEXT, { call, clientId: undefined })
  }
  const { clientId } = proof.value
  if (proof.value.method === 'none') {
    // Without a secret, as at a refresh: holding the token is the proof. An unknown client has none
    // to end, and is not told that it is unknown.
    const loaded = deps.apps.findByClientId(proof.value.clientId)
    if (loaded === undefined) return oauthAnswer('{}')
    return revoked(await deps.revocation.revoke(token, loaded, source))
  }
  const client = await deps.clients.authenticate(proof.value, source)
  if (!client.ok) return failureAnswer('invalid_client', CLIENT_TEXT, { call, clientId })
  return revoked(await deps.revocation.revoke(token, client.value.loaded, source))
}

function revoked(outcome: { readonly ok: boolean }): Response {
  if (outcome.ok) return oauthAnswer('{}')
  return oauthError('unsupported_token_type', 'Keys and foreign tokens are revoked elsewhere.')
}
