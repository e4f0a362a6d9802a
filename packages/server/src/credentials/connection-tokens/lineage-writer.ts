/**
 * Writes changes of lineages down, many with one commit, each with its rows of the audit. A change
 * is worked out when its turn has come, from what the one before has left, and is known on this
 * node once it is durable: nobody holds a password that a crash has undone.
 */
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import { Outage } from '../../ports/outage.ts'
import type { AuditEntry } from '../audit/entry.ts'
import type { LineageTable } from './lineage-table.ts'

/** Our bounds: what waits at a time, and what one commit holds. */
export const WAITING_COUNT_MAX = 20_000
export const BATCH_COUNT_MAX = 500

/** What a change leaves: records as they are then, and what the audit says of it. */
export interface LineageChange {
  readonly records: readonly ConnectionTokenRecord[]
  readonly entries: readonly AuditEntry[]
}

export interface LineageWriterPorts {
  readonly table: LineageTable
  /** All of it or nothing; durable when it resolves. @throws Outage */
  readonly save: (region: string, change: LineageChange) => Promise<void>
  /** Tells the other nodes. */
  readonly tell: (records: readonly ConnectionTokenRecord[]) => void
}

interface Waiting {
  readonly make: () => LineageChange | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class LineageWriter {
  readonly #ports: LineageWriterPorts
  readonly #lanes = new Map<string, { waiting: Waiting[]; running: Promise<void> | undefined }>()

  constructor(ports: LineageWriterPorts) {
    this.#ports = ports
  }

  /**
   * @param make asked once, in turn; undefined: nothing is to change any more.
   * @returns once the change is durable and the table has it.
   * @throws Outage: then nothing has changed.
   */
  write(region: string, make: () => LineageChange | undefined): Promise<void> {
    const lane = this.#lanes.get(region) ?? { waiting: [], running: undefined }
    this.#lanes.set(region, lane)
    if (lane.waiting.length >= WAITING_COUNT_MAX) return Promise.reject(busy())
    return new Promise((resolve, reject) => {
      lane.waiting.push({ make, resolve, reject })
      lane.running ??= this.#run(region, lane).finally(() => {
        lane.running = undefined
      })
    })
  }

  /** Resolves when nothing waits any more. */
  async settled(): Promise<void> {
    for (const { running } of this.#lanes.values()) await running
  }

  async #run(region: string, lane: { waiting: Waiting[] }): Promise<void> {
    // Those who come in this turn of the loop share the first commit.
    await Promise.resolve()
    while (lane.waiting.length > 0) {
      const batch = lane.waiting.splice(0, BATCH_COUNT_MAX)
      await this.#commit(region, batch)
    }
  }

  async #commit(region: string, batch: readonly Waiting[]): Promise<void> {
    const records = new Map<string, ConnectionTokenRecord>()
    const entries: AuditEntry[] = []
    const deferred: Waiting[] = []
    const taken: Waiting[] = []
    for (const each of batch) {
      const change = made(each)
      if (change === 'failed') continue
      if (change === undefined) {
        taken.push(each)
        continue
      }
      // A second change of one lineage builds on the first: it waits until that one is known.
      if (change.records.some(({ id }) => records.has(id))) {
        deferred.push(each)
        continue
      }
      for (const record of change.records) records.set(record.id, record)
      entries.push(...change.entries)
      taken.push(each)
    }
    try {
      const all = [...records.values()]
      if (all.length > 0) await this.#ports.save(region, { records: all, entries })
      for (const record of all) this.#ports.table.put(record)
      if (all.length > 0) this.#ports.tell(all)
      for (const { resolve } of taken) resolve()
    } catch (error) {
      for (const { reject } of taken) reject(error)
    }
    this.#lanes.get(region)?.waiting.unshift(...deferred)
  }
}

/** A mistake in one change is its own: the others of the batch go on. */
function made({ make, reject }: Waiting): LineageChange | undefined | 'failed' {
  try {
    return make()
  } catch (error) {
    reject(error)
    return 'failed'
  }
}

function busy(): Outage {
  return new Outage('store_unavailable', 'more tokens are asked for than the store can write', {
    port: 'store',
    retryAfterMs: 1_000,
  })
}
