/**
 * Refreshes a lineage (contract CloudSignal 2.4): the same user name, a new password, and a later
 * end for every connection that was opened with an earlier one. Asked for with the newest password;
 * with the one before it for as long as the answer may have been lost, which is then given again.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import { admitApp, type LoadedApp } from '../app-directory.ts'
import type { RecordDenial } from '../audit/denied-access.ts'
import type { ConnectionTokens, KnownToken } from './connection-tokens.ts'
import { REFRESH_SKEW_MS } from './lineage.ts'
import type { LineageTable } from './lineage-table.ts'
import type { LineageWriter } from './lineage-writer.ts'
import type { TokenFigures } from './token-figures.ts'
import { entryOf, type MintedToken, TTL_MS_MIN } from './token-minting.ts'

/** How long the answer to a refresh is given again (2.4 rule 4): SDKs try three times in 15 s. */
export const REPEATED_MS = 60_000

export type RefreshRefusal =
  | 'invalid_token'
  | 'token_expired'
  | 'token_revoked'
  /** What is in the way of the app itself is the detail. */
  | 'app_closed'
  | 'unavailable'

export interface RefreshingDeps {
  readonly tokens: ConnectionTokens
  readonly table: LineageTable
  readonly writer: LineageWriter
  readonly clock: Clock
  readonly recordDenial: RecordDenial
  readonly figures: TokenFigures
  /** Ends a lineage whose password was used twice, where the app wants that. */
  readonly endReused: (
    record: ConnectionTokenRecord,
    loaded: LoadedApp,
    source: Source,
  ) => Promise<void>
}

export interface RefreshRequest {
  /** Untrusted, both. */
  readonly tokenId: string
  readonly password: string
}

type Refreshed = Result<MintedToken, RefreshRefusal>

export class TokenRefreshing {
  readonly #deps: RefreshingDeps

  constructor(deps: RefreshingDeps) {
    this.#deps = deps
  }

  /** @returns once the new password is durable. @throws Outage: the old one is still good. */
  async refresh(request: RefreshRequest, source: Source): Promise<Refreshed> {
    const { table, tokens } = this.#deps
    if (!table.isComplete) return refuse('unavailable')
    const known = tokens.find(request.password)
    if (!known.ok) {
      const reason = known.refusal
      const target = { kind: 'connection_token', id: 'unknown' }
      this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, NOBODY)
      return refuse(reason === 'token_expired' ? reason : 'invalid_token')
    }
    const { lineage } = known.value
    // UUIDs are written in lower case; who sends another one's id gets no hint.
    if (lineage.record.id !== request.tokenId.toLowerCase()) {
      return this.#denied(known.value, source, { refusal: 'invalid_token' })
    }
    const open = this.#isOpen(known.value)
    if (!open.ok) return this.#denied(known.value, source, open)
    return this.#step(known.value, source)
  }

  /**
   * Whether a password is of the two that may ask: the newest one, and the one before it for as
   * long as the answer to it may have been lost.
   */
  mayAsk({ lineage: { record }, claims }: KnownToken): boolean {
    if (claims.generation === record.generation) return true
    const sinceMs = this.#deps.clock.nowMs() - (record.refreshedAtMs ?? 0)
    return claims.generation === record.generation - 1 && sinceMs <= REPEATED_MS
  }

  #isOpen({ loaded, lineage }: KnownToken): Result<true, RefreshRefusal> {
    const { tokens, clock } = this.#deps
    const nowMs = clock.nowMs()
    const admitted = admitApp(loaded, nowMs)
    if (!admitted.ok) return refuse('app_closed', admitted.refusal satisfies RefusalCode)
    if (!tokens.stateOf({ loaded, lineage }).ok) return refuse('token_revoked')
    if (!tokens.mayRenew(lineage)) return refuse('token_revoked')
    const { expiresAtMs } = lineage.record
    return nowMs >= expiresAtMs + REFRESH_SKEW_MS ? refuse('token_expired') : ok(true)
  }

  async #step(known: KnownToken, source: Source): Promise<Refreshed> {
    const { loaded, lineage, claims } = known
    let refusal: 'reused' | 'at_end' | (Refreshed & { readonly ok: false }) | undefined
    let step: 'refreshed' | 'repeated' = 'repeated'
    await this.#deps.writer.write(loaded.app.region, () => {
      // Asked in turn: of two refreshes at once the second finds what the first has made.
      const { record } = lineage
      const nowMs = this.#deps.clock.nowMs()
      const open = this.#isOpen(known)
      if (!open.ok) {
        refusal = open
        return undefined
      }
      if (claims.generation !== record.generation) {
        if (!this.mayAsk(known)) refusal = 'reused'
        return undefined
      }
      const expiresAtMs = Math.min(nowMs + record.ttlMs, record.endsAtMs)
      // The last stretch is lived out: a life shorter than this would be refreshed without end.
      if (expiresAtMs - nowMs < TTL_MS_MIN) {
        refusal = 'at_end'
        return undefined
      }
      step = 'refreshed'
      const generation = record.generation + 1
      const next = { ...record, generation, refreshedAtMs: nowMs, expiresAtMs }
      const entry = entryOf('connection_token.refreshed', next, { order: undefined, source })
      return { records: [next], entries: [{ ...entry, atMs: nowMs }] }
    })
    if (refusal === 'at_end') return this.#denied(known, source, AT_END)
    if (refusal === 'reused') return this.#reused(known, source)
    // What has ended it came in between.
    if (refusal !== undefined) return this.#denied(known, source, refusal)
    this.#deps.figures.count(step)
    const { record } = lineage
    return ok({ record, password: this.#deps.tokens.passwordOf(record) })
  }

  /** The client has its successor for long, or somebody else has this one. */
  async #reused({ loaded, lineage }: KnownToken, source: Source): Promise<Refreshed> {
    this.#deps.figures.count('reused')
    const target = { kind: 'connection_token', id: lineage.record.id }
    const reused = { action: 'auth.refresh_reused', reason: 'refresh_reused' } as const
    this.#deps.recordDenial({ ...reused, source, target }, loaded.app)
    if (loaded.app.settings.tokenReuseRevokes) {
      await this.#deps.endReused(lineage.record, loaded, source)
    }
    return refuse('invalid_token')
  }

  #denied(
    { loaded, lineage }: KnownToken,
    source: Source,
    refused: { readonly refusal: RefreshRefusal; readonly detail?: string },
  ): Refreshed {
    const { refusal: reason, detail } = refused
    const target = { kind: 'connection_token', id: lineage.record.id }
    this.#deps.recordDenial({ action: 'auth.denied', reason, source, target }, loaded.app)
    return refuse(reason, detail)
  }
}

const NOBODY = { tenantId: undefined }
const AT_END = {
  refusal: 'token_expired',
  detail: 'This token has reached the end of its life. Create or exchange a new one.',
} as const
