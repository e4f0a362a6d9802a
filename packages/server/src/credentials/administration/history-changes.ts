/**
 * What people do with messages of channels that are kept: see how much there is, delete them. The
 * audit says who asked, before the first of them is gone.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { HistoryUsage } from '../../ports/history-store.ts'
import { Outage } from '../../ports/outage.ts'
import type { LoadedApp } from '../app-directory.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** Ours: a commit of some milliseconds each, and as many in one call as a caller waits for. */
export const DELETED_AT_ONCE_MAX = 1_000
export const DELETED_COUNT_MAX = 100_000

/** What is in memory of channels. */
export interface HistoryMemory {
  /**
   * Waits until all that was published so far is in the store.
   * @returns false where the store takes nothing.
   */
  settled(appId: string): Promise<boolean>
  /** Epoch; every message so far is older, and none that is published later. */
  endMs(appId: string): number
  /** Lets go of messages before `beforeMs`, also of those that are just read. */
  forget(of: DeletedMessages): void
}

export interface HistorySelection {
  readonly appId: string
  /** Undefined: every channel. */
  readonly channel: string | undefined
  /** Exclusive, epoch; undefined: whatever their age. */
  readonly beforeMs: number | undefined
}

type DeletedMessages = HistorySelection & { readonly beforeMs: number }

export interface DeletedHistory {
  readonly deletedCount: number
  /** False: there is more than one call deletes. */
  readonly isComplete: boolean
}

type Refused<T> = Promise<Result<T, AdminRefusalCode>>

export class HistoryChanges {
  readonly #deps: Pick<AdministrationDeps, 'authority' | 'audit'>
  readonly #memory: HistoryMemory

  constructor(deps: Pick<AdministrationDeps, 'authority' | 'audit'>, memory: HistoryMemory) {
    this.#deps = deps
    this.#memory = memory
  }

  /** @throws Outage */
  async usage(appId: string): Refused<HistoryUsage & { readonly loaded: LoadedApp }> {
    const loaded = this.#deps.authority.apps.findById(appId)
    if (loaded === undefined) return refuse('not_found')
    const { messageCount, byteCount } = await this.#storeOf(loaded).usage(appId)
    return ok({ messageCount, byteCount, loaded })
  }

  /** What is published after the call began stays. @throws Outage; what was deleted is gone. */
  async delete(
    { reason, ...selection }: HistorySelection & { readonly reason: string },
    caller: Caller,
  ): Refused<DeletedHistory> {
    const loaded = this.#deps.authority.apps.findById(selection.appId)
    if (loaded === undefined) return refuse('not_found')
    const beforeMs = Math.min(selection.beforeMs ?? Infinity, this.#memory.endMs(selection.appId))
    const of = { ...selection, beforeMs }
    // First: what is gone must not be gone unseen.
    await this.#record(loaded, { of, reason }, caller)
    // What is written later would be there again.
    if (!(await this.#memory.settled(of.appId))) throw unsettled()
    this.#memory.forget(of)
    const deleted = await this.#prune(loaded, of)
    // Channels that were read while it went on.
    this.#memory.forget(of)
    return ok(deleted)
  }

  async #prune(loaded: LoadedApp, of: DeletedMessages): Promise<DeletedHistory> {
    const store = this.#storeOf(loaded)
    let deletedCount = 0
    while (deletedCount < DELETED_COUNT_MAX) {
      const count = await store.prune({ ...of, countMax: DELETED_AT_ONCE_MAX })
      deletedCount += count
      if (count < DELETED_AT_ONCE_MAX) return { deletedCount, isComplete: true }
    }
    return { deletedCount, isComplete: false }
  }

  async #record(
    { app }: LoadedApp,
    { of, reason }: { readonly of: DeletedMessages; readonly reason: string },
    caller: Caller,
  ): Promise<void> {
    const region = this.#deps.authority.regionOf(app)
    const { tenantId, id, name } = app
    const { channel, beforeMs } = of
    const after = { beforeMs, ...(channel === undefined ? {} : { channel }) }
    const target = { kind: 'app', id, name }
    const described = { tenantId, action: 'history.deleted', target, reason, after } as const
    const entry = changeEntry(caller, described)
    await region.transaction((transaction) =>
      this.#deps.audit.record({ code: region.region, transaction }, entry),
    )
  }

  #storeOf({ app }: LoadedApp) {
    return this.#deps.authority.regionOf(app).history
  }
}

function unsettled(): Outage {
  const text = 'Messages that were just published cannot be kept now. See the log.'
  return new Outage('store_unavailable', text, { port: 'store' })
}
