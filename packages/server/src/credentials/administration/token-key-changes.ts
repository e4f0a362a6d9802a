/**
 * Rotates the key connection tokens are signed with. Nobody has to connect anew: what was issued
 * before stays good under the version it names, refreshes move tokens to the new one, and a version
 * goes once the last token that rests on it is over. In an emergency every version goes at once.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { AuditAction } from '../audit/actions.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { issuedAtMsOf, statusOf } from '../connection-tokens/lineage.ts'
import { ENDED_KEPT_MS, type LineageTable } from '../connection-tokens/lineage-table.ts'
import type { TokenKeyVersion } from '../connection-tokens/token-keys.ts'
import { makeTokenKey, tokenKeyName } from '../installation-keys.ts'
import { SYSTEM } from './callers.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** Our bounds: versions at a time, and apps that are named. */
export const TOKEN_KEY_COUNT_MAX = 10
const APPS_SHOWN_MAX = 100

export interface TokenKeyStatus {
  /** Oldest first; the last one signs. */
  readonly versions: readonly {
    readonly version: number
    readonly createdAtMs: number
    /** Live tokens whose newest password it has signed. */
    readonly tokenCount: number
    /** Live tokens that had a password of it, which may still open connections. */
    readonly restingCount: number
    /** On this node since its start. */
    readonly useCount: number
    readonly lastUsedAtMs: number | undefined
  }[]
  /** Apps with tokens of older versions, those with most first. */
  readonly stragglers: readonly { readonly appId: string; readonly tokenCount: number }[]
}

export interface TokenKeyParts {
  readonly table: LineageTable
  /** Closes what is connected by a connection token. @returns how many that were on this node. */
  readonly endConnections: () => Promise<number>
}

interface KeyStep {
  readonly action: Extract<AuditAction, `connection_token_key.${string}`>
  readonly caller: Caller
  readonly reason?: string | undefined
  readonly kept: readonly TokenKeyVersion[]
  readonly made: ReturnType<typeof makeTokenKey> | undefined
}

export class TokenKeyChanges {
  readonly #deps: AdministrationDeps
  readonly #parts: TokenKeyParts
  /** One change at a time. */
  #running: Promise<unknown> = Promise.resolve()

  constructor(deps: AdministrationDeps, parts: TokenKeyParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** Looks at every token there is. */
  status(): TokenKeyStatus {
    const keys = this.#deps.keys.connectionToken
    const { versions } = keys
    const nowMs = this.#deps.clock.nowMs()
    const signed = new Map<number, number>()
    const resting = new Map<number, number>()
    const stragglers = new Map<string, number>()
    const newest = versions.at(-1)?.version
    for (const { record } of this.#parts.table.all()) {
      if (statusOf(record, nowMs) !== 'active') continue
      const last = keys.versionAt(issuedAtMsOf(record))
      const first = keys.versionAt(record.createdAtMs)
      add(signed, last)
      for (const { version } of versions) {
        if (version >= first && version <= last) add(resting, version)
      }
      if (last !== newest) add(stragglers, record.appId)
    }
    return {
      versions: versions.map(({ version, createdAtMs }) => {
        const { count: useCount, lastAtMs: lastUsedAtMs } = keys.usesOf(version)
        const tokenCount = signed.get(version) ?? 0
        const restingCount = resting.get(version) ?? 0
        return { version, createdAtMs, tokenCount, restingCount, useCount, lastUsedAtMs }
      }),
      stragglers: [...stragglers]
        .map(([appId, tokenCount]) => ({ appId, tokenCount }))
        .sort((one, other) => other.tokenCount - one.tokenCount)
        .slice(0, APPS_SHOWN_MAX),
    }
  }

  /** @throws Outage: then nothing has changed. */
  rotate(
    { reason }: { readonly reason?: string | undefined },
    caller: Caller,
  ): Promise<Result<TokenKeyStatus, AdminRefusalCode>> {
    return this.#inTurn(async () => {
      const { versions } = this.#deps.keys.connectionToken
      if (versions.length >= TOKEN_KEY_COUNT_MAX) {
        return refuse('too_many_active_secrets', 'Tokens of older versions have to end first.')
      }
      const made = this.#make()
      const action = 'connection_token_key.rotated' as const
      await this.#take({ action, caller, reason, kept: versions, made })
      return ok(this.status())
    })
  }

  /**
   * An emergency: whoever has the key can make tokens of everybody. Every token there is ends with
   * every version, and so does what is connected by one.
   * @throws Outage: what was not done then is done by the same call again.
   */
  revoke(
    { reason }: { readonly reason: string },
    caller: Caller,
  ): Promise<Result<TokenKeyStatus & { readonly closedCount: number }, AdminRefusalCode>> {
    return this.#inTurn(async () => {
      const made = this.#make()
      const action = 'connection_token_key.revoked' as const
      await this.#take({ action, caller, reason, kept: [], made })
      const closedCount = await this.#parts.endConnections()
      this.#parts.table.forgetBefore(made.version.createdAtMs)
      return ok({ ...this.status(), closedCount })
    })
  }

  /** Takes away the versions on which no token rests any more. @throws Outage */
  retire(): Promise<void> {
    return this.#inTurn(async () => {
      const { versions } = this.#deps.keys.connectionToken
      const kept = versions.filter((_, index) => !this.#isOver(versions[index + 1]))
      if (kept.length === versions.length) return
      const action = 'connection_token_key.retired' as const
      await this.#take({ action, caller: SYSTEM, kept, made: undefined })
    })
  }

  /** @param next the version that took over; undefined: none has. */
  #isOver(next: TokenKeyVersion | undefined): boolean {
    const { lastPass } = this.#parts.table
    if (next === undefined || lastPass === undefined) return false
    // What was on its way to the table when the key changed is in it by then.
    const isLater = lastPass.beganAtMs >= next.createdAtMs + ENDED_KEPT_MS
    return isLater && lastPass.oldestCreatedAtMs >= next.createdAtMs
  }

  #make(): ReturnType<typeof makeTokenKey> {
    const { versions } = this.#deps.keys.connectionToken
    return makeTokenKey((versions.at(-1)?.version ?? 0) + 1, this.#deps)
  }

  async #take({ action, caller, reason, kept, made }: KeyStep): Promise<void> {
    const { store, audit, keys } = this.#deps
    const before = keys.connectionToken.versions
    const after = made === undefined ? kept : [...kept, made.version]
    const gone = before.filter((each) => !after.includes(each))
    const numbersOf = (all: readonly TokenKeyVersion[]) => all.map(({ version }) => version)
    const entry = changeEntry(caller, {
      tenantId: INSTALLATION,
      action,
      reason,
      target: { kind: 'connection_token_key', id: String(after.at(-1)?.version) },
      before: { versions: numbersOf(before) },
      after: { versions: numbersOf(after) },
    })
    await store.control.transaction(async (transaction) => {
      for (const { version } of gone) await transaction.removeInstallationKey(tokenKeyName(version))
      if (made !== undefined) await transaction.saveInstallationKey(made.record)
      await audit.record({ code: store.control.code, transaction }, entry)
    })
    keys.connectionToken.replace(after)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#running.then(work)
    // Whoever asked for it is told of a failure; the next one only waits for its turn.
    this.#running = Promise.allSettled([result])
    return result
  }
}

function add<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
