/**
 * `POST /v2/tokens/exchange`: the token of an identity provider for one of ours (contract
 * CloudSignal 2.3). Public, as it is called from pages; the older form names the organization by a
 * key in a header.
 */
import type { LoadedApp } from '../../credentials/app-directory.ts'
import type { ExchangeRefusal } from '../../credentials/connection-tokens/token-exchange.ts'
import { bearerToken } from '../bearer-header.ts'
import { refusal, type ServiceRefusal } from './answers.ts'
import { addressOf, byKey, FOREIGN_ORIGIN, headerKey, overLimit } from './callers.ts'
import { fullRefusal, invalid, UNKNOWN_INTEGRATION } from './create.ts'
import { type Answered, answered, refused, type ServiceCall } from './deps.ts'
import { readOptionalText, readText, readTtl } from './fields.ts'
import { exchangeShape, tokenShape } from './shapes.ts'

export async function answerExchange(call: ServiceCall): Promise<Answered> {
  const limited = overLimit('token_exchange.ip', addressOf(call), call)
  if (limited !== undefined) return refused(limited)
  const token = readText(call.body, 'token')
  if (!token.ok) return refused(invalid(token.detail))
  const integration = readOptionalText(call.body, 'integration_id')
  if (!integration.ok) return refused(invalid(integration.detail))
  const provider = readOptionalText(call.body, 'provider')
  if (!provider.ok) return refused(invalid(provider.detail))
  const ttl = readTtl(call.body)
  if (!ttl.ok) return refused(invalid(ttl.detail))
  const place = await placeOf(call)
  if (!place.ok) return refused(place.refused)
  const wanted = { token: token.value, integration: integration.value, provider: provider.value }
  return exchangeAt({ ...wanted, ttlMs: ttl.value, ...place }, call)
}

interface Exchanging {
  readonly token: string
  readonly integration: string | undefined
  readonly provider: string | undefined
  readonly ttlMs: number | undefined
  readonly tenantId: string
  /** The app of the key the older form was sent with. */
  readonly ofKey: LoadedApp | undefined
}

async function exchangeAt(wanted: Exchanging, call: ServiceCall): Promise<Answered> {
  const { exchange, minting, clock } = call.deps
  const { ofKey, ttlMs } = wanted
  const proved = await exchange.prove(wanted, call.source)
  if (!proved.ok) return refused(exchangeRefusal(proved.refusal, proved.detail))
  const { integration, email, userId, claims, expiresAtMs, restsOn, loaded } = proved.value
  // A key speaks for its own app; what another app's integration vouches for is not its to take.
  if (ofKey !== undefined && ofKey.app.id !== loaded.app.id) return refused(NO_PROVIDER)
  if (!call.concerns(loaded.app.id)) return refused(FOREIGN_ORIGIN)
  const limited = overLimit('token_exchange.app', loaded.app.id, call)
  if (limited !== undefined) return refused(limited)
  const { provider, name } = integration
  const minted = await minting.mint(
    {
      loaded,
      userEmail: email,
      userId,
      ttlMs,
      endsAtMs: provider.capToIdpExpiry ? expiresAtMs : undefined,
      acl: {},
      integration: name,
      provider: provider.type,
      claims,
      restsOn,
      keyId: undefined,
      // Two tabs of one user are two tokens that both work.
      earlier: 'keep',
      whenFull: 'replace_oldest',
    },
    call.source,
  )
  if (!minted.ok) return refused(fullRefusal(minted.refusal))
  const shown = { minted: minted.value, loaded, nowMs: clock.nowMs() }
  return answered(ofKey === undefined ? tokenShape(shown) : exchangeShape(shown))
}

type Place =
  | { readonly ok: true; readonly tenantId: string; readonly ofKey: LoadedApp | undefined }
  | { readonly ok: false; readonly refused: ServiceRefusal }

/** Whose providers count: of the organization that is named, or of the key. */
async function placeOf(call: ServiceCall): Promise<Place> {
  const value = headerKey(call.request)
  if (value !== undefined) {
    const called = await byKey(value, undefined, call)
    if (!called.ok) {
      const isBearer = bearerToken(call.request.headers) !== undefined
      const isWrong = called.refused.error === 'invalid_secret_key'
      return isBearer && isWrong ? { ok: false, refused: UNAUTHORIZED } : called
    }
    const { loaded } = called.key
    return { ok: true, tenantId: loaded.tenant.id, ofKey: loaded }
  }
  const organization = readText(call.body, 'organization_id')
  if (!organization.ok) return { ok: false, refused: invalid(organization.detail) }
  const found = call.deps.tenants.findOrganization(organization.value)
  if (found === undefined) return { ok: false, refused: NO_ORGANIZATION }
  const main = call.deps.apps.defaultOf(found.tenant.id)
  if (main !== undefined) call.concerns(main.app.id)
  return { ok: true, tenantId: found.tenant.id, ofKey: undefined }
}

function exchangeRefusal(code: ExchangeRefusal, claim: string | undefined): ServiceRefusal {
  switch (code) {
    case 'token_expired':
      return refusal('token_expired', 'The token of the identity provider has expired.')
    case 'invalid_token':
      return refusal('invalid_token', INVALID_TEXT)
    case 'malformed':
      return invalid('token is no JWT.')
    case 'missing_claim':
      return refusal('missing_claim', `The token has no usable claim ${claim}.`)
    case 'integration_not_found':
      return UNKNOWN_INTEGRATION
    case 'provider_not_found':
      return NO_PROVIDER
    case 'organization_disabled':
      return refusal('organization_disabled', 'The organization or its app is not active.')
    case 'provider_unavailable':
      return refusal('provider_unavailable', 'The keys of the identity provider cannot be had.', {
        'retry-after': RETRY_KEYS_SECONDS,
      })
    default:
      return code satisfies never
  }
}

const INVALID_TEXT =
  'The token is not one this organization trusts: its signature, issuer, audience or times ' +
  'do not hold.'
const NO_PROVIDER = refusal(
  'provider_not_found',
  'No enabled identity provider of this organization issued this token.',
)
export const NO_ORGANIZATION = refusal(
  'organization_not_found',
  'There is no organization of this id.',
)
const UNAUTHORIZED = refusal('unauthorized', 'The secret key is not valid.')
/** Keys are fetched again after ten seconds at the earliest. */
const RETRY_KEYS_SECONDS = '10'
