/**
 * Who used which version, counted in memory and added to the store in batches: a use costs a map
 * look-up, never a row. What an app's region cannot take now is kept for the next batch, up to the
 * bound.
 */
import { AGENT_LENGTH_MAX, type Source } from '../core/source.ts'
import type { Clock } from '../ports/clock.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { UseOutcome, UseRecord } from '../ports/records/use.ts'
import type { Database } from '../ports/store.ts'

/** Our bound on counts that wait for the store; beyond it sources are added up under `*`. */
export const PENDING_USE_COUNT_MAX = 20_000

export interface Use {
  readonly credentialId: string
  readonly versionId: string
  readonly outcome: UseOutcome
}

/** How sessions and routes tell a use; who composes the server knows the database of the app. */
export type RecordUse = (use: Use, source: Source, app: AppRecord) => void

/** The database a credential lives in; it takes the counts. */
export type UseSink = Pick<Database<unknown>, 'code' | 'addUses'>

interface Count {
  readonly use: Use
  readonly source: Source
  count: number
  readonly firstAtMs: number
  lastAtMs: number
}

export class UseRecorder {
  readonly #clock: Clock
  readonly #tell: (uses: readonly UseRecord[]) => void
  /** By sink, then by version and outcome, then by source. */
  readonly #pending = new Map<UseSink, Map<string, Map<string, Count>>>()
  #size = 0

  /** @param tell hears of what the store has taken. */
  constructor(clock: Clock, tell: (uses: readonly UseRecord[]) => void = () => {}) {
    this.#clock = clock
    this.#tell = tell
  }

  /** Counts one use. @param sink the database the credential lives in. */
  record(use: Use, source: Source, sink: UseSink): void {
    const nowMs = this.#clock.nowMs()
    const versions = getOrMake(this.#pending, sink)
    const counts = getOrMake(versions, `${use.versionId} ${use.outcome}`)
    const isFull = this.#size >= PENDING_USE_COUNT_MAX
    const where = isFull ? { ...source, ip: '*', agent: '' } : source
    const key = `${where.protocol} ${where.ip} ${where.agent}`
    const known = counts.get(key)
    if (known !== undefined) {
      known.count++
      known.lastAtMs = nowMs
      return
    }
    counts.set(key, { use, source: where, count: 1, firstAtMs: nowMs, lastAtMs: nowMs })
    this.#size++
  }

  /** @returns counts of a credential that are not in the store yet. */
  pendingOf(credentialId: string): readonly UseRecord[] {
    return [...this.#pending.values()]
      .flatMap((versions) => [...versions.values()])
      .flatMap((counts) => [...counts.values()])
      .filter(({ use }) => use.credentialId === credentialId)
      .map(toRecord)
  }

  /** Hands every waiting count to its store. @throws Outage after keeping what was not taken. */
  async flush(): Promise<void> {
    const batches = [...this.#pending]
    this.#pending.clear()
    this.#size = 0
    const outcomes = await Promise.allSettled(
      batches.map(([sink, versions]) => sink.addUses(recordsOf(versions))),
    )
    for (const [index, outcome] of outcomes.entries()) {
      const batch = batches[index]
      if (batch === undefined) continue
      if (outcome.status === 'rejected') this.#takeBack(...batch)
      else this.#tell(recordsOf(batch[1]))
    }
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #takeBack(sink: UseSink, versions: Map<string, Map<string, Count>>): void {
    const waiting = getOrMake(this.#pending, sink)
    for (const [version, counts] of versions) {
      const newer = getOrMake(waiting, version)
      for (const [source, count] of counts) {
        const after = newer.get(source)
        if (after === undefined) this.#size++
        newer.set(source, after === undefined ? count : added(count, after))
      }
    }
  }
}

function added(older: Count, newer: Count): Count {
  return { ...newer, count: older.count + newer.count, firstAtMs: older.firstAtMs }
}

function getOrMake<K, A, B>(map: Map<K, Map<A, B>>, key: K): Map<A, B> {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = new Map<A, B>()
  map.set(key, made)
  return made
}

function recordsOf(versions: ReadonlyMap<string, ReadonlyMap<string, Count>>): UseRecord[] {
  return [...versions.values()].flatMap((counts) => [...counts.values()].map(toRecord))
}

function toRecord({ use, source, count, firstAtMs, lastAtMs }: Count): UseRecord {
  const { protocol, ip } = source
  const agent = source.agent.slice(0, AGENT_LENGTH_MAX)
  return { ...use, protocol, ip, agent, count, firstAtMs, lastAtMs }
}
