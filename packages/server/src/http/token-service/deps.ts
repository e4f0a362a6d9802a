/** What the token service is given. */
import type { Guard } from '../../core/limits/guard.ts'
import type { Source } from '../../core/source.ts'
import type { Tally } from '../../core/tally.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { Bearers } from '../../credentials/bearers.ts'
import type { ConnectionTokens } from '../../credentials/connection-tokens/connection-tokens.ts'
import type { LineageTable } from '../../credentials/connection-tokens/lineage-table.ts'
import type { TokenEnding } from '../../credentials/connection-tokens/token-ending.ts'
import type { TokenExchange } from '../../credentials/connection-tokens/token-exchange.ts'
import type { TokenMinting } from '../../credentials/connection-tokens/token-minting.ts'
import type { TokenRefreshing } from '../../credentials/connection-tokens/token-refreshing.ts'
import type { TenantDirectory } from '../../credentials/tenant-directory.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { JsonObject } from '../json-body.ts'
import type { ServiceRefusal } from './answers.ts'

export interface TokenServiceDeps {
  readonly apps: AppDirectory
  readonly tenants: TenantDirectory
  readonly bearers: Bearers
  readonly tokens: ConnectionTokens
  readonly table: LineageTable
  readonly minting: TokenMinting
  readonly refreshing: TokenRefreshing
  readonly exchange: TokenExchange
  readonly ending: TokenEnding
  /** @returns how many connections of this node one of the app's tokens holds, by its id. */
  readonly connectionsOf: (appId: string) => (tokenId: string) => number
  readonly recordDenial: RecordDenial
  readonly guard: Guard
  readonly clock: Clock
  readonly tally: Tally
  readonly log: Log
}

/** One request as the endpoints see it. */
export interface ServiceCall {
  readonly request: Request
  readonly deps: TokenServiceDeps
  /** Of protocol `tokens`. */
  readonly source: Source
  /** Empty where there is none. */
  readonly body: JsonObject
  readonly query: URLSearchParams
  /**
   * Said as soon as it is known whose call it is: the pages of that app may read the answer.
   * @returns false for a page of any other origin, for which nothing is done.
   */
  readonly concerns: (appId: string) => boolean
}

/** JSON, or what is told instead. */
export type Answered =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly refused: ServiceRefusal }

export function answered(body: unknown): Answered {
  return { ok: true, body }
}

export function refused(refusal: ServiceRefusal): Answered & { readonly ok: false } {
  return { ok: false, refused: refusal }
}
