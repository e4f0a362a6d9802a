/** What the OAuth endpoints are given. */
import type { Guard } from '../../core/limits/guard.ts'
import type { Source } from '../../core/source.ts'
import type { Tally } from '../../core/tally.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { Bearers } from '../../credentials/bearers.ts'
import type { ClientAuthentication } from '../../credentials/tokens/client-authentication.ts'
import type { Introspection } from '../../credentials/tokens/introspection.ts'
import type { Issuer } from '../../credentials/tokens/issuer.ts'
import type { TenantKeys } from '../../credentials/tokens/tenant-keys.ts'
import type { TokenGrants } from '../../credentials/tokens/token-grants.ts'
import type { TokenRevocation } from '../../credentials/tokens/token-revocation.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'

export interface OauthDeps {
  readonly apps: AppDirectory
  readonly clients: ClientAuthentication
  readonly grants: TokenGrants
  readonly revocation: TokenRevocation
  readonly introspection: Introspection
  /** Who asks with an API key. */
  readonly bearers: Bearers
  readonly keys: TenantKeys
  readonly issuer: Issuer
  readonly recordDenial: RecordDenial
  readonly guard: Guard
  readonly clock: Clock
  readonly tally: Tally
  readonly log: Log
}

/** One request as the endpoints see it. */
export interface OauthCall {
  readonly request: Request
  readonly deps: OauthDeps
  /** Of protocol `oauth`. */
  readonly source: Source
}
