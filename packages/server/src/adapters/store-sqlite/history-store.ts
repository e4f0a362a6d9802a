/**
 * Messages of channels that are kept, in a file and with a Worker of its own. One dialogue at a
 * time writes, so what it knows of channels needs no question; reads take turns with the writes.
 */
import type {
  ChannelTail,
  HistoryPage,
  HistoryQuery,
  HistoryStore,
  HistoryUsage,
  HistoryWrite,
  StoredLastEvent,
} from '../../ports/history-store.ts'
import type { Connection } from './connection.ts'
import { historyFileOf } from './file-names.ts'
import type { Group } from './group.ts'
import { HISTORY_MIGRATIONS } from './history-migrations.ts'
import { PRUNE_STEP_COUNT, pruneStep, sweepStep } from './history-pruning.ts'
import {
  channelsOf,
  channelsStatement,
  NEWEST,
  newestOf,
  pageOf,
  pageStatement,
  readLastEvents,
  tailOf,
  tailStatement,
  usageOf,
  usageStatement,
} from './history-reads.ts'
import { channelsOf as namesOf, portionsOf, statementsOf } from './history-statements.ts'
import { KnownChannels, LAST_NUMBERS } from './known-channels.ts'
import type { Statement } from './worker-channel.ts'
import { type FileParts, WorkerFile } from './worker-file.ts'
import type { Writer } from './writer.ts'

/**
 * Ours: messages of many channels touch as many pages, which are kept in memory and copied from the
 * journal less often than by default. 32 MB of each.
 */
const PRAGMAS = ['PRAGMA cache_size = -32768', 'PRAGMA wal_autocheckpoint = 8000']

/** Our bound on writes of several calls in one commit. */
const SHARED_COUNT_MAX = 4_096

export class SqlHistoryStore implements HistoryStore {
  readonly #file: WorkerFile
  readonly #known = new KnownChannels()
  /** Writes that wait for their turn, while nothing else was asked since. */
  #shared: { readonly writes: HistoryWrite[]; readonly applied: Promise<void> } | undefined
  #isSweeping = false
  #isClosing = false

  constructor(parts: FileParts) {
    this.#file = new WorkerFile(parts, {
      name: historyFileOf(parts.place.dbCode),
      migrations: HISTORY_MIGRATIONS,
      pingStatement: LAST_NUMBERS,
      jobCountMax: 1, // calls that wait together are one job already
      prepare: (connection) => this.#prepare(connection),
    })
  }

  /** Those that come before the first of them has begun are one commit. */
  apply(writes: readonly HistoryWrite[]): Promise<void> {
    const shared = this.#shared
    if (shared !== undefined && shared.writes.length + writes.length <= SHARED_COUNT_MAX) {
      for (const write of writes) shared.writes.push(write)
      return shared.applied
    }
    const own = [...writes]
    const applied = this.#apply(own)
    this.#shared = { writes: own, applied }
    return applied
  }

  tail(appId: string, channel: string): Promise<ChannelTail> {
    return this.#read(tailStatement(appId, channel), (rows) => tailOf(rows[0]))
  }

  newest(): Promise<ReadonlyMap<string, number>> {
    return this.#read(NEWEST, newestOf)
  }

  page(query: HistoryQuery): Promise<HistoryPage> {
    return this.#read(pageStatement(query), (rows) => pageOf(query, rows))
  }

  lastEvents(nowMs: number): Promise<readonly StoredLastEvent[]> {
    this.#shared = undefined
    return this.#file.run((writer) =>
      writer.runDialogue((group) =>
        readLastEvents(async (statement) => {
          const [answer] = await group.run([statement])
          return answer?.rows ?? []
        }, nowMs),
      ),
    )
  }

  usage(appId: string): Promise<HistoryUsage> {
    return this.#read(usageStatement(appId), (rows) => usageOf(rows[0]))
  }

  channels(page: Parameters<HistoryStore['channels']>[0]) {
    return this.#read(channelsStatement(page), channelsOf)
  }

  async prune(of: Parameters<HistoryStore['prune']>[0]): Promise<number> {
    this.#startSweep() // goes on after an outage
    this.#shared = undefined
    return this.#file.run(async (writer) => {
      let count = 0
      while (count < of.countMax) {
        const countMax = Math.min(of.countMax - count, PRUNE_STEP_COUNT)
        const step = await writer.runDialogue((group) => {
          this.#known.pruneCount++
          return pruneStep(group, { ...of, countMax })
        })
        count += step
        if (step < countMax) break
      }
      return count
    })
  }

  /** Resolves when the file answers, or was not needed yet. @throws Outage otherwise. */
  ping(): Promise<void> {
    return this.#file.ping()
  }

  /** Waits for what runs; what is left of removed apps is left to the next start. */
  close(): Promise<void> {
    this.#isClosing = true
    return this.#file.close()
  }

  async #prepare(connection: Connection): Promise<void> {
    const pragmas = PRAGMAS.map((sql) => ({ sql, parameters: [] }))
    const answers = await connection.runAll([...pragmas, LAST_NUMBERS])
    this.#known.clear()
    this.#known.startAfter(answers.at(-1)?.rows[0])
    this.#startSweep()
  }

  async #apply(writes: readonly HistoryWrite[]): Promise<void> {
    try {
      await this.#file.run((writer) => writer.runDialogue((group) => this.#writeAll(group, writes)))
    } catch (error) {
      this.#known.clear() // the commit failed: it knows what is not there
      throw error
    } finally {
      if (this.#shared?.writes === writes) this.#shared = undefined
    }
    if (writes.some(({ kind }) => kind === 'app_removed')) this.#startSweep()
  }

  async #writeAll(group: Group, writes: readonly HistoryWrite[]): Promise<void> {
    if (this.#shared?.writes === writes) this.#shared = undefined // it has begun
    try {
      for (const portion of portionsOf(writes)) {
        const added = await this.#known.learn(namesOf(portion), (each) => group.run(each))
        await group.run([...added, ...statementsOf(portion, this.#known)])
      }
    } catch (error) {
      this.#known.clear() // before the next one begins
      throw error
    }
  }

  #read<R>(
    statement: Statement,
    resultOf: (rows: Awaited<ReturnType<Writer['runStep']>>[number]['rows']) => R,
  ): Promise<R> {
    this.#shared = undefined // what is applied later is not seen
    return this.#file.run(async (writer) => {
      const [answer] = await writer.runStep([statement])
      return resultOf(answer?.rows ?? [])
    })
  }

  #startSweep(): void {
    if (this.#isSweeping || this.#isClosing) return
    this.#isSweeping = true
    // What fails is tried again by the next prune, or the next start: nothing of it is visible.
    void Promise.allSettled([this.#sweep()]).then(() => {
      this.#isSweeping = false
    })
  }

  async #sweep(): Promise<void> {
    while (!this.#isClosing) {
      const hasMore = await this.#file.run((writer) => writer.runDialogue(sweepStep))
      if (!hasMore) return
    }
  }
}
