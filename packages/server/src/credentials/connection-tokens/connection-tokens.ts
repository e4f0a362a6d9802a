/**
 * Lets connections in by a connection token: a hash and look-ups in memory, no database and no
 * waiting. The text proves itself; the table of lineages says what has happened since it was made.
 */
import type { KeyObject } from 'node:crypto'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import { type Reliance, relianceOn, versionIn } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import { admitApp, type AppDirectory, type LoadedApp } from '../app-directory.ts'
import type { RecordDenial } from '../audit/denied-access.ts'
import { isAccepted } from '../engine/reading.ts'
import type { MqttIdentity } from '../mqtt/mqtt-identity.ts'
import type { RevocationList } from '../revocation-list.ts'
import type { TenantDirectory } from '../tenant-directory.ts'
import { bindClient, claimsOf, issuedAtMsOf, type Lineage, recordOfClaims } from './lineage.ts'
import type { LineageTable } from './lineage-table.ts'
import type { LineageWriter } from './lineage-writer.ts'
import { reliancesOf, TokenIdentity, userOf } from './token-identity.ts'
import type { TokenKeys } from './token-keys.ts'
import { decodeToken, encodeToken, type SignedClaims, type TokenClaims } from './token-text.ts'

/** A connection ends so long after its token (decision 16), and is let in until then. */
export const CONNECT_SKEW_MS = 30_000
/** How long the news of a token may take to every node; until then its text alone vouches. */
export const NEWS_MS = 30_000
/** Our bound on client ids that are bound (MQTT 5 §3.1.3.1 sets none below 65,535 bytes). */
const CLIENT_ID_CHARACTERS_MAX = 256

export interface ConnectionTokenDeps {
  readonly apps: AppDirectory
  readonly tenants: TenantDirectory
  readonly revocations: RevocationList
  readonly table: LineageTable
  readonly writer: LineageWriter
  readonly clock: Clock
  readonly keys: TokenKeys
  readonly recordDenial: RecordDenial
  /** Told of a binding that could not be written down. */
  readonly onUnwritten: (error: unknown) => void
}

/** What stands beside the password in CONNECT. Untrusted. */
export interface TokenUse {
  /** The part of the user name before the last `@`. */
  readonly username: string
  /** The part behind it: short id or UUID; undefined where there was no `@`. */
  readonly organization: string | undefined
  /** Empty where the server assigns one. */
  readonly clientId: string
}

export interface KnownToken {
  readonly loaded: LoadedApp
  readonly lineage: Lineage
  readonly claims: SignedClaims
}

export class ConnectionTokens {
  readonly #deps: ConnectionTokenDeps

  constructor(deps: ConnectionTokenDeps) {
    this.#deps = deps
  }

  /**
   * Who a connection is whose password is a connection token. Binds the client id to the lineage.
   * @param password untrusted. @param use untrusted.
   * @returns `credential_invalid` for every forgery; only of a genuine one, what has ended it.
   */
  authenticate(password: string, use: TokenUse, source: Source): Result<MqttIdentity, RefusalCode> {
    if (!this.#deps.table.isComplete) return refuse('unavailable')
    const known = this.find(password)
    if (!known.ok) return this.#denied(known.refusal, undefined, source)
    const { loaded, lineage } = known.value
    const admitted = this.#admit(known.value, use)
    if (!admitted.ok) return this.#denied(admitted.refusal, known.value, source)
    const nowMs = this.#deps.clock.nowMs()
    lineage.lastUsedAtMs = nowMs
    this.#deps.keys.used(known.value.claims.keyVersion, nowMs)
    this.#bind(lineage, use.clientId, loaded)
    return ok(new TokenIdentity(loaded, lineage))
  }

  /**
   * The lineage of a genuine password, whatever has become of it.
   * @returns `credential_invalid` for what we did not make or have forgotten; `token_expired` for
   * one that ended long ago.
   */
  find(password: string): Result<KnownToken, 'credential_invalid' | 'token_expired'> {
    const claims = decodeToken(password, (appId, version) => this.#keyOf(appId, version))
    const loaded = claims && this.#deps.apps.findById(claims.appId)
    if (claims === undefined || loaded === undefined) return refuse('credential_invalid')
    const lineage = this.#lineageOf(claims, loaded)
    if (lineage !== undefined) return ok({ loaded, lineage, claims })
    const isOver = this.#deps.clock.nowMs() >= claims.expiresAtMs
    return refuse(isOver ? 'token_expired' : 'credential_invalid')
  }

  /** @returns the newest password of a lineage: always the same text for the same generation. */
  passwordOf(record: ConnectionTokenRecord): string {
    const version = this.#deps.keys.versionAt(issuedAtMsOf(record))
    const key = this.#keyOf(record.appId, version)
    if (key === undefined) throw new Error('a token of an app that is not there')
    return encodeToken(claimsOf(record), { version, key })
  }

  /** Everything that ends a lineage but its time: asked at every use of it. */
  stateOf({ lineage, loaded }: Omit<KnownToken, 'claims'>): Result<true, RefusalCode> {
    const { revocations, tenants, clock } = this.#deps
    const { record } = lineage
    const nowMs = clock.nowMs()
    const isEnded = record.revokedAtMs !== undefined || record.replacedAtMs !== undefined
    if (isEnded || record.tenantId !== loaded.tenant.id) return refuse('credential_revoked')
    const rests = reliancesOf(record)
    const belongs = belongingsOf(record)
    // What it rests on ends for ever; a user, app or tenant goes on with newer tokens.
    if (revocations.isRevoked(rests, 0) || revocations.isRevoked(belongs, record.createdAtMs)) {
      return refuse('credential_revoked')
    }
    if (!isMinterAccepted(record, loaded, nowMs)) return refuse('credential_revoked')
    // What narrows it is gone: nobody could say any more what it may do.
    if (integrationOf(record, tenants) === 'gone') return refuse('credential_revoked')
    return ok(true)
  }

  /** Whether new passwords are given for it: those that are out stay good for their time. */
  mayRenew({ record }: Lineage): boolean {
    return integrationOf(record, this.#deps.tenants) !== 'disabled'
  }

  #admit(
    { loaded, lineage, claims }: KnownToken,
    { username, organization, clientId }: TokenUse,
  ): Result<true, RefusalCode> {
    const { tenants, clock } = this.#deps
    const { record } = lineage
    const nowMs = clock.nowMs()
    const named = organization === undefined ? undefined : tenants.findOrganization(organization)
    if (username !== record.username || named?.tenant.id !== loaded.tenant.id) {
      return refuse('credential_invalid')
    }
    const state = this.stateOf({ loaded, lineage })
    if (!state.ok) return state
    // The life of the lineage, not of this password: a refresh has moved it (2.4 rule 2).
    if (nowMs >= record.expiresAtMs + CONNECT_SKEW_MS) return refuse('token_expired')
    // From the future: the clock was set back, and a revocation of now would miss it.
    if (record.createdAtMs > nowMs + NEWS_MS) return refuse('credential_invalid')
    // Earlier passwords only for a client that was here before (2.4 rule 3a).
    const isEarlier = claims.generation < record.generation
    if (isEarlier && !record.clientIds.includes(clientId)) return refuse('credential_invalid')
    const admitted = admitApp(loaded, nowMs)
    return admitted.ok ? ok(true) : admitted
  }

  #lineageOf(claims: TokenClaims, loaded: LoadedApp): Lineage | undefined {
    const { table, clock } = this.#deps
    const known = table.find(claims.tokenId)
    if (known !== undefined && known.record.appId !== loaded.app.id) return undefined
    if (known !== undefined && claims.generation <= known.record.generation) return known
    // Made by another node, whose news is on the way: a password is given out once it is durable.
    const nowMs = clock.nowMs()
    if (Math.abs(nowMs - claims.issuedAtMs) > NEWS_MS || nowMs >= claims.expiresAtMs) return known
    const record = recordOfClaims(claims, loaded.tenant.id)
    if (record === undefined || !table.hasRoom(loaded.app.id).ok) return known
    return table.put(record)
  }

  #bind(lineage: Lineage, clientId: string, { app }: LoadedApp): void {
    const { record } = lineage
    if (clientId === '' || clientId.length > CLIENT_ID_CHARACTERS_MAX) return
    const bound = bindClient(record, clientId)
    if (bound === record) return
    const { writer, table, onUnwritten } = this.#deps
    table.put(bound)
    // A crash in this moment costs one sign-in: nobody waits for it.
    writer.write(app.region, () => ({ records: [lineage.record], entries: [] })).catch(onUnwritten)
  }

  #denied(
    refusal: RefusalCode,
    known: KnownToken | undefined,
    source: Source,
  ): Result<never, RefusalCode> {
    const { tenant, app } = known?.loaded ?? {}
    const id = known?.lineage.record.id ?? 'unknown'
    const target = { kind: 'connection_token', id }
    const owner = { tenantId: tenant?.id, ...(app === undefined ? {} : app) }
    const action = known === undefined ? 'auth.failed' : 'auth.denied'
    this.#deps.recordDenial({ action, reason: refusal, source, target }, owner)
    return refuse(refusal)
  }

  #keyOf(appId: string, version: number): KeyObject | undefined {
    const tenantId = this.#deps.apps.findById(appId)?.tenant.id
    return tenantId === undefined ? undefined : this.#deps.keys.keyOf(tenantId, version)
  }
}

/** What can be revoked and go on with newer tokens. */
function belongingsOf(record: ConnectionTokenRecord): readonly Reliance[] {
  const { appId, tenantId } = record
  const [app, tenant] = [{ kind: 'app', appId } as const, { kind: 'tenant', tenantId } as const]
  return [userOf(record), relianceOn(app), relianceOn(tenant)]
}

/** Whether the key that minted it still counts; one that came by an identity provider has none. */
function isMinterAccepted(
  { restsOn }: ConnectionTokenRecord,
  { credentials }: LoadedApp,
  nowMs: number,
): boolean {
  const versionId = versionIn(restsOn)
  if (versionId === undefined) return true
  for (const { record } of credentials) {
    for (const version of record.versions) {
      if (version.id === versionId) return isAccepted(version, nowMs)
    }
  }
  return false
}

function integrationOf(
  { integration, tenantId, createdAtMs }: ConnectionTokenRecord,
  tenants: TenantDirectory,
): 'none' | 'gone' | 'enabled' | 'disabled' {
  if (integration === undefined) return 'none'
  const found = tenants.find(tenantId)?.integrations.find(({ name }) => name === integration)
  // One that was made later under its name trusts others, and never vouched for this token.
  if (found === undefined || found.createdAtMs > createdAtMs) return 'gone'
  return found.isEnabled ? 'enabled' : 'disabled'
}
