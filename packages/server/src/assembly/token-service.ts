/** Puts what gives out and takes tokens together over the credential core. */
import type { Config } from '../config/config.ts'
import type { Source } from '../core/source.ts'
import { SYSTEM } from '../credentials/administration/callers.ts'
import { SigningKeyChanges } from '../credentials/administration/signing-key-changes.ts'
import { TokenChanges } from '../credentials/administration/token-changes.ts'
import type { AppDirectory, LoadedApp } from '../credentials/app-directory.ts'
import type { AppLimitBook } from '../credentials/app-limits.ts'
import type { Bearers } from '../credentials/bearers.ts'
import { AccessTokenDoor } from '../credentials/tokens/access-token-door.ts'
import { AccessTokenMint } from '../credentials/tokens/access-token-mint.ts'
import {
  type AssertionCheck,
  ClientAuthentication,
} from '../credentials/tokens/client-authentication.ts'
import { Introspection } from '../credentials/tokens/introspection.ts'
import { Issuer } from '../credentials/tokens/issuer.ts'
import { TenantKeys } from '../credentials/tokens/tenant-keys.ts'
import { TokenRevocation } from '../credentials/tokens/token-revocation.ts'
import { TokenGrants } from '../credentials/tokens/token-grants.ts'
import type { CredentialCore } from './credential-core.ts'

export interface TokenService {
  readonly apps: AppDirectory
  readonly issuer: Issuer
  readonly keys: TenantKeys
  readonly clients: ClientAuthentication
  readonly grants: TokenGrants
  /** Takes what {@link grants} gave. */
  readonly door: AccessTokenDoor
  readonly revocation: TokenRevocation
  readonly signingKeys: SigningKeyChanges
  readonly changes: TokenChanges
}

export interface TokenServiceParts {
  /** Absent: `private_key_jwt` is not served. */
  readonly assertions?: AssertionCheck
  /** Tokens say what limits hold. */
  readonly limits: AppLimitBook
}

export function createTokenService(
  config: Pick<Config, 'tokens' | 'publicUrl'> & Partial<Pick<Config, 'documents'>>,
  core: CredentialCore,
  { assertions, limits }: TokenServiceParts,
): TokenService {
  const { authority, administration, check, recordUse, recordDenial } = core
  const { clock, random } = administration
  const { apps } = authority
  const issuer = new Issuer(config.publicUrl)
  const keys = new TenantKeys(authority.tenants)
  const regionOf = (app: LoadedApp['app']) => authority.regionOf(app)
  const dbCodeOf = (app: LoadedApp['app']) => regionOf(app).code
  const lifeMs = config.tokens.accessTokenMs
  const regionCode = regionCodeOf(config.documents)
  const minting = { keys, issuer, clock, random, dbCodeOf, regionCode, lifeMs, limits }
  const mint = new AccessTokenMint(minting)
  const clients = new ClientAuthentication({
    apps,
    check,
    clock,
    recordUse,
    recordDenial,
    issuer,
    assertions,
  })
  const grants = new TokenGrants({
    apps,
    mint,
    refreshKey: administration.keys.refresh,
    regionOf,
    clock,
    random,
    recordUse,
    recordDenial,
    endFamily: (familyId, loaded, source) => endReused(core, { familyId, loaded, source }),
    times: config.tokens,
  })
  const { revocations } = authority
  const door = new AccessTokenDoor({ apps, keys, issuer, revocations, clock })
  const refreshKey = administration.keys.refresh
  const revocation = new TokenRevocation({
    door,
    refreshKey,
    revocations: core.revocations,
    regionOf,
    random,
  })
  const signingKeys = new SigningKeyChanges(administration, {
    keys,
    revocations: core.revocations,
    times: config.tokens,
  })
  const changes = new TokenChanges(administration, core)
  return { changes, signingKeys, apps, issuer, keys, clients, grants, door, revocation }
}

/** @param bearers who verifies signed tokens, ours and those of customers. */
export function createIntrospection(core: CredentialCore, bearers: Bearers): Introspection {
  const { authority, check, administration } = core
  const { clock, keys } = administration
  const regionOf = (app: LoadedApp['app']) => authority.regionOf(app)
  const { apps } = authority
  return new Introspection({ apps, bearers, check, refreshKey: keys.refresh, regionOf, clock })
}

/** Somebody else has the token too: the family ends, and what it gave out (RFC 9700 §4.14.2). */
async function endReused(
  { revocations }: CredentialCore,
  of: { readonly familyId: string; readonly loaded: LoadedApp; readonly source: Source },
): Promise<void> {
  const { familyId, loaded, source } = of
  const place = { tenantId: loaded.tenant.id, appId: loaded.app.id }
  const reason = 'a refresh token was used twice'
  const target = { kind: 'family' as const, familyId }
  await revocations.revoke(target, { ...place, reason }, { ...SYSTEM, source })
}

/** A code says something only where there are several to choose from. */
function regionCodeOf(documents: Config['documents'] | undefined): string | undefined {
  return documents === undefined || documents.regions.length === 0 ? undefined : documents.region
}
