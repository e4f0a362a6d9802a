/**
 * What a client has to know of the server (RFC 8414), for each tenant as an issuer of its own
 * (decision 19). Everything that is served is named, and nothing else: there is no authorization
 * endpoint, so no response type either.
 */
import { SIGNATURE_ALGORITHMS } from '../../credentials/foreign-keys/algorithms.ts'
import { SCOPES } from '../../credentials/tokens/scope.ts'
import { refusedAnswer } from '../answers.ts'
import type { OauthCall } from './deps.ts'

/** RFC 8414 §3 puts the tenant behind the well-known part, OpenID Connect Discovery before it. */
const PATHS = [
  /^\/\.well-known\/oauth-authorization-server\/([0-9a-f-]{36})$/,
  /^\/([0-9a-f-]{36})\/\.well-known\/openid-configuration$/,
]
const CACHE_SECONDS = 300

/** @returns undefined when the path is not of metadata. */
export function answerMetadata(path: string, { deps }: OauthCall): Response | undefined {
  const tenantId = PATHS.map((each) => each.exec(path)?.[1]).find((each) => each !== undefined)
  if (tenantId === undefined) return undefined
  if (deps.keys.keySet(tenantId, deps.clock.nowMs()) === undefined) {
    return refusedAnswer('path_unknown', 'There is no such tenant.')
  }
  const headers = {
    'content-type': 'application/json',
    'cache-control': `public, max-age=${CACHE_SECONDS}`,
    'access-control-allow-origin': '*',
  }
  return new Response(JSON.stringify(metadataOf(tenantId, deps)), { headers })
}

function metadataOf(tenantId: string, { issuer, clients }: OauthCall['deps']) {
  const assertion = clients.takesAssertions ? ['private_key_jwt'] : []
  const methods = ['client_secret_basic', 'client_secret_post', ...assertion]
  const algorithms = clients.takesAssertions ? SIGNATURE_ALGORITHMS : undefined
  return {
    issuer: issuer.of(tenantId),
    token_endpoint: `${issuer.base}/connect/token`,
    jwks_uri: `${issuer.of(tenantId)}/.well-known/jwks`,
    revocation_endpoint: `${issuer.base}/oauth/revoke`,
    introspection_endpoint: `${issuer.base}/oauth/introspect`,
    scopes_supported: SCOPES,
    response_types_supported: [],
    grant_types_supported: ['client_credentials', 'refresh_token'],
    token_endpoint_auth_methods_supported: [...methods, 'none'],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint_auth_methods_supported: [...methods, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    // RFC 8414 §2: a type of access token may stand beside the methods.
    introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
  }
}
