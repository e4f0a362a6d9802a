/** `POST /connect/token` and its other paths: RFC 6749 §3.2, contract section 3. */
import type { Result } from '@lockgate/protocol/result'
import type {
  AuthenticatedClient,
  ClientProof,
} from '../../credentials/tokens/client-authentication.ts'
import type { GrantedTokens, GrantRefusal } from '../../credentials/tokens/token-grants.ts'
import { oauthAnswer, oauthError, unreadAnswer } from './answers.ts'
import { readClientProof } from './client-proof.ts'
import type { OauthCall } from './deps.ts'
import { limitSubject } from '../../core/limits/address-subject.ts'
import { limitHeaders } from '../limit-headers.ts'
import { CLIENT_TEXT, failureAnswer, overAddress, overLimit } from './failures.ts'
import { type Parameters, readParameters } from './parameters.ts'
import { readableAnswer } from './readable-answer.ts'

export async function answerToken(call: OauthCall): Promise<Response> {
  const limited = overAddress(call)
  if (limited !== undefined) return limited
  const read = await readParameters(call.request)
  if (!read.ok) return unreadAnswer(read)
  const parameters = read.value
  const grantType = parameters.get('grant_type')
  if (grantType === undefined) return oauthError('invalid_request', 'grant_type is missing.')
  const proof = readClientProof(parameters, call.request.headers.get('authorization'))
  if (!proof.ok) {
    if (proof.refusal === 'invalid_request') return oauthError(proof.refusal, proof.detail ?? '')
    return failureAnswer('invalid_client', CLIENT_TEXT, { call, clientId: undefined })
  }
  const answer = await grant({ grantType, parameters, proof: proof.value }, call)
  return readableAnswer(answer, proof.value.clientId, call)
}

interface GrantRequest {
  readonly grantType: string
  readonly parameters: Parameters
  readonly proof: ClientProof
}

function grant(
  { grantType, parameters, proof }: GrantRequest,
  call: OauthCall,
): Promise<Response> | Response {
  switch (grantType) {
    case 'client_credentials':
      return clientCredentials(parameters, proof, call)
    case 'refresh_token':
      return refresh(parameters, proof, call)
    default:
      // Neither password nor implicit: RFC 9700 §2.1.2, §2.4.
      return oauthError('unsupported_grant_type', 'Use client_credentials or refresh_token.')
  }
}

async function clientCredentials(
  parameters: Parameters,
  proof: ClientProof,
  call: OauthCall,
): Promise<Response> {
  const { clients, grants } = call.deps
  const failure = { call, clientId: proof.clientId }
  if (proof.method === 'none') return failureAnswer('invalid_client', CLIENT_TEXT, failure)
  const pending = clients.authenticate(proof, call.source)
  const client = pending instanceof Promise ? await pending : pending
  if (!client.ok) return failureAnswer('invalid_client', CLIENT_TEXT, failure)
  const scope = parameters.get('scope')
  const { app } = client.value.loaded
  // Asked of who has proved to be the client: nobody uses up its limit by its name.
  const limited = overLimit('auth.user', { call, app })
  if (limited !== undefined) return limited
  // Each refresh family is a row for a week.
  const isOffline = scope?.includes(OFFLINE) === true
  const full = isOffline ? overLimit('oauth_families.app', { call, app }) : undefined
  if (full !== undefined) return full
  const granted = grants.clientCredentials(client.value, scope, call.source)
  return grantAnswer(granted instanceof Promise ? await granted : granted, failure)
}

async function refresh(
  parameters: Parameters,
  proof: ClientProof,
  call: OauthCall,
): Promise<Response> {
  const { clients, grants } = call.deps
  const refreshToken = parameters.get('refresh_token')
  if (refreshToken === undefined) {
    return oauthError('invalid_request', 'refresh_token is missing.')
  }
  const failure = { call, clientId: proof.clientId }
  let clientId = proof.clientId
  // No secret is needed, but one that is sent has to be right (RFC 6749 §6).
  if (proof.method !== 'none') {
    const client: Result<AuthenticatedClient, 'client_invalid'> = await clients.authenticate(
      proof,
      call.source,
    )
    if (!client.ok) return failureAnswer('invalid_client', CLIENT_TEXT, failure)
    clientId = client.value.loaded.app.clientId
  }
  if (clientId === undefined) return failureAnswer('invalid_client', CLIENT_TEXT, failure)
  const request = { refreshToken, clientId, scope: parameters.get('scope') }
  return grantAnswer(await grants.refresh(request, call.source), failure)
}

function grantAnswer(
  granted: Result<GrantedTokens, GrantRefusal>,
  failure: { readonly call: OauthCall; readonly clientId: string | undefined },
): Response {
  if (granted.ok) return oauthAnswer(tokenText(granted.value), askedOf(failure.call))
  const { refusal, detail = '' } = granted
  if (refusal === 'invalid_grant') return failureAnswer(refusal, detail, failure)
  if (refusal === 'grant_ended') {
    // No guess: strangers who fail under the name of the client keep it from nothing. It has to
    // hear this to begin anew with its secret.
    return failureAnswer('invalid_grant', detail, { ...failure, clientId: undefined })
  }
  return oauthError(refusal, detail)
}

/** @returns how much of its limit the address has left. */
function askedOf({ deps, source }: OauthCall): Readonly<Record<string, string>> {
  const subject = limitSubject(source.ip)
  return limitHeaders(deps.guard.readOwn([{ name: 'auth.ip', subject }]))
}

/** JSON text, RFC 6749 §5.1. No part of it holds a character that JSON would escape. */
function tokenText({ accessToken, refreshToken, scope }: GrantedTokens): string {
  const { token, expiresInSeconds } = accessToken
  const refreshing = refreshToken === undefined ? '' : `,"refresh_token":"${refreshToken}"`
  return (
    `{"access_token":"${token}","token_type":"Bearer","expires_in":${expiresInSeconds}` +
    `${refreshing},"scope":"${scope}"}`
  )
}

const OFFLINE = 'offline_access'
