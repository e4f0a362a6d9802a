/**
 * Proves users by the token of their identity provider (contract CloudSignal 2.3). What the token
 * says of itself only chooses among the integrations of the organization: the key comes from the
 * address an operator gave, never from the token (RFC 8725 §3.10), and a shared secret verifies
 * nothing but what its integration allows it to (§3.1).
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { Source } from '../../core/source.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { Clock } from '../../ports/clock.ts'
import { Outage } from '../../ports/outage.ts'
import type { IntegrationRecord, ProviderRecord } from '../../ports/records/rule-set.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../app-directory.ts'
import { outcomeOf } from '../engine/reading.ts'
import { isHmac, isMacValid, isSignatureValid } from '../foreign-keys/algorithms.ts'
import type { PublicKey } from '../foreign-keys/public-key.ts'
import type { RemoteKeys } from '../foreign-keys/remote-keys.ts'
import { readSignedToken, type SignedToken } from '../foreign-keys/signed-token.ts'
import type { TenantDirectory } from '../tenant-directory.ts'
import { peekToken } from '../tokens/peek.ts'
import type { RecordDenial } from '../audit/denied-access.ts'
import type { RecordUse } from '../use-recorder.ts'
import { type ClaimRefusal, type ProvedUser, readProvedUser } from './provider-claims.ts'

/** Our bounds on what one token costs. */
const PROVIDERS_TRIED_MAX = 4
const KEYS_TRIED_MAX = 16

export type ExchangeRefusal =
  | ClaimRefusal
  /** No JWT at all. */
  | 'malformed'
  | 'integration_not_found'
  | 'provider_not_found'
  | 'provider_unavailable'
  | 'organization_disabled'

export interface ExchangeRequest {
  readonly tenantId: string
  /** Untrusted, all three. */
  readonly token: string
  readonly integration: string | undefined
  /** The kind of provider, where the caller has said one. */
  readonly provider: string | undefined
}

export interface ExchangedUser extends ProvedUser {
  /** Where it may connect. */
  readonly loaded: LoadedApp
  readonly integration: IntegrationRecord & { readonly provider: ProviderRecord }
  /** The shared secret that verified it; nothing for keys the provider publishes. */
  readonly restsOn: readonly Reliance[]
}

export interface ExchangeDeps {
  readonly apps: AppDirectory
  readonly tenants: TenantDirectory
  readonly remote: RemoteKeys
  readonly clock: Clock
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
}

type Providing = ExchangedUser['integration']
type Signed = Result<readonly Reliance[], 'invalid_token' | 'provider_unavailable'>

export class TokenExchange {
  readonly #deps: ExchangeDeps

  constructor(deps: ExchangeDeps) {
    this.#deps = deps
  }

  /** Of a token that proves nobody the audit is told, unless the reason is ours. */
  async prove(
    request: ExchangeRequest,
    source: Source,
  ): Promise<Result<ExchangedUser, ExchangeRefusal>> {
    const proved = await this.#search(request, source)
    if (proved.ok || proved.refusal === 'provider_unavailable') return proved
    const { tenantId } = request
    const target = { kind: 'identity_provider', id: 'unknown' }
    const owner = this.#deps.apps.defaultOf(tenantId)?.app ?? { tenantId }
    const reason = proved.refusal
    this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, owner)
    return proved
  }

  async #search(
    request: ExchangeRequest,
    source: Source,
  ): Promise<Result<ExchangedUser, ExchangeRefusal>> {
    const found = this.#providersOf(request)
    if (!found.ok) return found
    if (peekToken(request.token) === undefined) return refuse('malformed')
    const signed = readSignedToken(request.token, JWT_TYPES)
    if (signed === undefined) return refuse('invalid_token')
    const candidates = found.value.filter(({ provider }) => isCandidate(provider, signed))
    if (candidates.length === 0) return refuse('provider_not_found')
    let refused: Result<never, ExchangeRefusal> = refuse('invalid_token')
    for (const [index, each] of candidates.slice(0, PROVIDERS_TRIED_MAX).entries()) {
      const proved = await this.#proveBy(each, signed, source)
      if (proved.ok) return proved
      // Of several, what the first one lacks is told, unless another one got further.
      if (index === 0 || proved.refusal !== 'invalid_token') refused = proved
    }
    return refused
  }

  #providersOf({
    tenantId,
    integration,
    provider,
  }: ExchangeRequest): Result<readonly Providing[], ExchangeRefusal> {
    const all = this.#deps.tenants.find(tenantId)?.integrations ?? []
    const named = all.filter(({ name, isEnabled }) => {
      return isEnabled && (integration === undefined || name === integration)
    })
    if (integration !== undefined && named.length === 0) return refuse('integration_not_found')
    // Without a provider it only narrows: who chose it would leave out the provider's own rules.
    const providing = named.filter(isProviding).filter(({ provider: { type } }) => {
      return (
        provider === undefined || provider === type || (provider === 'custom' && type === 'oidc')
      )
    })
    return providing.length === 0 ? refuse('provider_not_found') : ok(providing)
  }

  async #proveBy(
    integration: Providing,
    signed: SignedToken,
    source: Source,
  ): Promise<Result<ExchangedUser, ExchangeRefusal>> {
    const before = this.#appOf(integration)
    if (before === undefined) return refuse('provider_not_found')
    const signature = isHmac(signed.algorithm)
      ? this.#byShared(signed, { integration, loaded: before, source })
      : await this.#byPublished(signed, integration)
    if (!signature.ok) return signature
    // While a key set was fetched anything may have changed; what counts is how it is now.
    const present = this.#deps.tenants
      .find(integration.tenantId)
      ?.integrations.find(({ name }) => name === integration.name)
    const loaded = this.#appOf(integration)
    if (present?.revision !== integration.revision || loaded === undefined) {
      return refuse('provider_not_found')
    }
    const nowMs = this.#deps.clock.nowMs()
    if (!admitApp(loaded, nowMs).ok) return refuse('organization_disabled')
    const user = readProvedUser(signed.claims, integration.provider, nowMs)
    if (!user.ok) return user
    return ok({ ...user.value, loaded, integration, restsOn: signature.value })
  }

  async #byPublished(signed: SignedToken, { provider, tenantId }: Providing): Promise<Signed> {
    const { algorithm, kid } = signed
    const url = provider.jwksUrl
    if (isHmac(algorithm) || url === undefined) return refuse('invalid_token')
    const isWanted = (key: PublicKey) =>
      key.algorithms.includes(algorithm) && (kid === undefined || key.kid === kid)
    try {
      const keys = await this.#deps.remote.find(url, { isWanted, tenantId })
      const isSigned = keys
        .slice(0, KEYS_TRIED_MAX)
        .some(({ key }) => isSignatureValid(algorithm, key, signed))
      return isSigned ? ok([]) : refuse('invalid_token')
    } catch (error) {
      if (error instanceof Outage) return refuse('provider_unavailable')
      throw error
    }
  }

  /** HS256 only, and only with the secret the integration names. */
  #byShared(
    signed: SignedToken,
    of: { readonly integration: Providing; readonly loaded: LoadedApp; readonly source: Source },
  ): Signed {
    const { loaded, source } = of
    const { jwtSecret } = of.integration.provider
    if (signed.algorithm !== 'HS256' || jwtSecret === undefined) return refuse('invalid_token')
    const nowMs = this.#deps.clock.nowMs()
    for (const { record, secrets } of loaded.credentials) {
      if (record.kind !== 'jwt_secret' || record.name !== jwtSecret) continue
      for (const version of record.versions.toReversed()) {
        const secret = secrets.get(version.id)
        if (secret === undefined || !isMacValid(signed.algorithm, secret, signed)) continue
        const outcome = outcomeOf(version, nowMs)
        const use = { credentialId: record.id, versionId: version.id, outcome }
        this.#deps.recordUse(use, source, loaded.app)
        if (outcome !== 'accepted') continue
        return ok([
          relianceOn({ kind: 'version', versionId: version.id }),
          relianceOn({ kind: 'credential', credentialId: record.id }),
        ])
      }
    }
    return refuse('invalid_token')
  }

  #appOf({ appId, tenantId }: Providing): LoadedApp | undefined {
    const { apps } = this.#deps
    const loaded = appId === undefined ? apps.defaultOf(tenantId) : apps.findById(appId)
    return loaded?.tenant.id === tenantId ? loaded : undefined
  }
}

/** Access tokens of some providers say so (RFC 9068 §2.1). */
const JWT_TYPES: ReadonlySet<string> = new Set(['JWT', 'AT+JWT'])

function isProviding(integration: IntegrationRecord): integration is Providing {
  return integration.provider !== undefined
}

/** The issuer as a whole; a provider that is known by its keys alone is asked for the key. */
function isCandidate({ issuer }: ProviderRecord, { claims }: SignedToken): boolean {
  return issuer === '' || issuer === claims['iss']
}
