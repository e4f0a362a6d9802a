/** `POST /oauth/revoke`: RFC 7009. */
import type { LoadedApp } from '../../credentials/app-directory.ts'
import type { ClientProof } from '../../credentials/tokens/client-authentication.ts'
import { oauthAnswer, oauthError, unreadAnswer } from './answers.ts'
import { readClientProof } from './client-proof.ts'
import type { OauthCall } from './deps.ts'
import { CLIENT_TEXT, failureAnswer, overLimit } from './failures.ts'
import { readParameters } from './parameters.ts'
import { readableAnswer } from './readable-answer.ts'

export async function answerRevocation(call: OauthCall): Promise<Response> {
  const { request } = call
  const read = await readParameters(request)
  if (!read.ok) return unreadAnswer(read)
  const parameters = read.value
  const token = parameters.get('token')
  if (token === undefined) return oauthError('invalid_request', 'token is missing.')
  const proof = readClientProof(parameters, request.headers.get('authorization'))
  if (!proof.ok) {
    if (proof.refusal === 'invalid_request') return oauthError(proof.refusal, proof.detail ?? '')
    return failureAnswer('invalid_client', CLIENT_TEXT, { call, clientId: undefined })
  }
  const answer = await revokeFor(proof.value, token, call)
  return readableAnswer(answer, proof.value.clientId, call)
}

async function revokeFor(proof: ClientProof, token: string, call: OauthCall): Promise<Response> {
  const { deps } = call
  const { clientId } = proof
  if (proof.method === 'none') {
    // Without a secret, as at a refresh: holding the token is the proof. An unknown client has none
    // to end, and is not told that it is unknown.
    const loaded = deps.apps.findByClientId(proof.clientId)
    return loaded === undefined ? oauthAnswer('{}') : revoke(token, loaded, call)
  }
  const client = await deps.clients.authenticate(proof, call.source)
  if (!client.ok) return failureAnswer('invalid_client', CLIENT_TEXT, { call, clientId })
  return revoke(token, client.value.loaded, call)
}

async function revoke(token: string, loaded: LoadedApp, call: OauthCall): Promise<Response> {
  const { revocation } = call.deps
  const found = await revocation.find(token, loaded)
  if (!found.ok) return oauthError(found.refusal, 'Keys and foreign tokens are revoked elsewhere.')
  if (found.value === undefined) return oauthAnswer('{}')
  // Asked only for what is really held: nobody uses up the limit of an app by its name.
  const { app } = loaded
  const limited = overLimit('oauth_revocations.app', { call, app })
  if (limited !== undefined) return limited
  await revocation.end(found.value, loaded, call.source)
  return oauthAnswer('{}')
}
