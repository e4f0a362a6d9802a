/** `POST /oauth/introspect`: RFC 7662. Every app asks about its own tokens only. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { permits } from '../../core/permissions.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import { parseKey } from '../../credentials/key-format.ts'
import { bearerToken } from '../bearer-header.ts'
import { oauthAnswer, oauthError, unreadAnswer } from './answers.ts'
import { readClientProof } from './client-proof.ts'
import type { OauthCall } from './deps.ts'
import { CLIENT_TEXT, failureAnswer } from './failures.ts'
import { type Parameters, readParameters } from './parameters.ts'

export async function answerIntrospection(call: OauthCall): Promise<Response> {
  const { request, deps, source } = call
  const read = await readParameters(request)
  if (!read.ok) return unreadAnswer(read)
  const token = read.value.get('token')
  if (token === undefined) return oauthError('invalid_request', 'token is missing.')
  const bearer = bearerToken(request.headers)
  const asking = await (bearer === undefined
    ? askingClient(read.value, call)
    : askingKey(bearer, call))
  if (!asking.ok) {
    if (asking.refusal === 'invalid_request') return oauthError(asking.refusal, asking.detail ?? '')
    const clientId = read.value.get('client_id')
    return failureAnswer('invalid_client', CLIENT_TEXT, { call, clientId })
  }
  const description = await deps.introspection.describe(token, asking.value, source)
  // What a customer's token says of itself never changes what we say of it.
  return oauthAnswer(JSON.stringify({ ...description, active: description !== undefined }))
}

type Asking = Result<LoadedApp, 'invalid_request' | 'invalid_client'>

async function askingClient(parameters: Parameters, call: OauthCall): Promise<Asking> {
  const proof = readClientProof(parameters, call.request.headers.get('authorization'))
  if (!proof.ok) return proof
  // RFC 7662 §2.1: some form of authorization is required.
  if (proof.value.method === 'none') return refuse('invalid_client')
  const client = await call.deps.clients.authenticate(proof.value, call.source)
  return client.ok ? ok(client.value.loaded) : refuse('invalid_client')
}

/** Server keys may ask; others need the scope `inspect`, which none has unless it is given. */
async function askingKey(bearer: string, { deps, source }: OauthCall): Promise<Asking> {
  const parsed = parseKey(bearer)
  // Whoever holds a token only must not learn what others hold.
  if (!parsed.ok) return refuse('invalid_client')
  const identity = await deps.bearers.authenticate(bearer, source)
  if (!identity.ok) return refuse('invalid_client')
  const { loaded, permissions } = identity.value
  const mayAsk = parsed.value.prefix === 'sk' || permits(permissions, 'inspect', undefined)
  return mayAsk ? ok(loaded) : refuse('invalid_client')
}
