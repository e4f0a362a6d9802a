/**
 * Rows of denials, off the hot path, written in batches. Memory is bounded: what cannot be kept
 * while a database is out is counted as dropped.
 */
import type { Clock } from '../../ports/clock.ts'
import { Outage } from '../../ports/outage.ts'
import { type AuditRecords, Conflict, type Database, type Store } from '../../ports/store.ts'
import { ANY_PLACE, DENIAL_PLACE_COUNT_MAX, type DenialPlace, placeKeyOf } from './denial-place.ts'
import { type Denial, DenialSampling } from './denial-sampling.ts'
import type { AuditEntry } from './entry.ts'
import type { AuditTrail } from './trail.ts'

/** Our bound on rows that wait for a database. */
export const DENIAL_WAITING_COUNT_MAX = 20_000

/** Takes a denial; microseconds, and never throws for what a caller sent. */
export type Deny = (denial: Denial, databaseCode: string) => void

interface Waiting extends DenialPlace {
  entries: AuditEntry[]
}

interface Loss extends DenialPlace {
  count: number
  firstAtMs: number
  untilMs: number
}

export class Denials {
  readonly #trail: AuditTrail
  readonly #sampling: DenialSampling
  readonly #losses = new Map<string, Loss>()
  #waiting = new Map<string, Waiting>()
  #waitingCount = 0

  constructor(deps: { readonly trail: AuditTrail; readonly clock: Clock }) {
    this.#trail = deps.trail
    const emit = (place: DenialPlace, entry: AuditEntry) => this.#wait(place, entry)
    this.#sampling = new DenialSampling({ clock: deps.clock, emit })
  }

  /**
   * Takes microseconds and writes nothing yet.
   * @param denial texts of callers in it are cut to a bound.
   */
  deny(denial: Denial, databaseCode: string): void {
    this.#sampling.take(denial, databaseCode)
  }

  /**
   * Writes what waits and the counts of windows that ended: one transaction per tenant and
   * database.
   * @throws what the first failed one threw; its rows wait for the next call.
   */
  async flush(store: Store): Promise<void> {
    this.#sampling.closeEnded()
    await this.#flush(store)
  }

  /** Writes everything, also of windows that have not ended. @throws as {@link flush}. */
  async finish(store: Store): Promise<void> {
    this.#sampling.closeAll()
    await this.#flush(store)
  }

  async #flush(store: Store): Promise<void> {
    const batches = this.#takeBatches()
    const failures: unknown[] = []
    const outCodes = new Set<string>()
    for (const { batch, loss } of batches) {
      const failure = outCodes.has(batch.code)
        ? new Outage('store_unavailable', 'not tried: its database is out', { port: 'store' })
        : await this.#write(store, batch, loss)
      if (failure === undefined) continue
      failures.push(failure)
      if (failure instanceof Outage) outCodes.add(batch.code)
      this.#takeBack({ batch, loss }, failure)
    }
    if (failures.length > 0) throw failures[0]
  }

  #takeBatches(): { readonly batch: Waiting; readonly loss: Loss | undefined }[] {
    const waiting = this.#waiting
    this.#waiting = new Map()
    this.#waitingCount = 0
    const losses = new Map(this.#losses)
    this.#losses.clear()
    for (const [key, { code, tenantId }] of losses) {
      if (!waiting.has(key)) waiting.set(key, { code, tenantId, entries: [] })
    }
    return [...waiting].map(([key, batch]) => ({ batch, loss: losses.get(key) }))
  }

  async #write(store: Store, batch: Waiting, loss: Loss | undefined): Promise<unknown> {
    const database = databaseOf(store, batch.code)
    const entries = loss === undefined ? batch.entries : [...batch.entries, droppedEntry(loss)]
    try {
      await database.transaction((transaction) =>
        this.#trail.recordAll({ code: database.code, transaction }, entries),
      )
      return undefined
    } catch (error) {
      return error ?? new Error('a failure without a value')
    }
  }

  /** After a bug the same rows would fail for ever: they are counted, not kept. */
  #takeBack(
    { batch, loss }: { readonly batch: Waiting; readonly loss: Loss | undefined },
    failure: unknown,
  ): void {
    const isKept = failure instanceof Outage || failure instanceof Conflict
    const newer = this.#waiting.get(placeKeyOf(batch))?.entries ?? []
    this.#waitingCount -= newer.length
    this.#waiting.delete(placeKeyOf(batch))
    for (const entry of [...batch.entries, ...newer]) {
      if (isKept) this.#wait(batch, entry)
      else this.#lose(batch, entry)
    }
    if (loss !== undefined) this.#addLoss(loss)
  }

  #wait(place: DenialPlace, entry: AuditEntry): void {
    if (this.#waitingCount >= DENIAL_WAITING_COUNT_MAX) return this.#lose(place, entry)
    const key = placeKeyOf(place)
    const known = this.#waiting.get(key)
    this.#waitingCount++
    if (known !== undefined) known.entries.push(entry)
    else {
      const { code, tenantId } = place
      this.#waiting.set(key, { code, tenantId, entries: [entry] })
    }
  }

  #lose(place: DenialPlace, entry: AuditEntry): void {
    const { atMs, untilMs = atMs, count: lostCount = 1 } = entry
    const { code, tenantId } = place
    this.#addLoss({ code, tenantId, count: lostCount, firstAtMs: atMs, untilMs })
  }

  #addLoss(loss: Loss): void {
    const { code, tenantId } = loss
    const isKnown = this.#losses.has(placeKeyOf(loss))
    const isFull = !isKnown && this.#losses.size >= DENIAL_PLACE_COUNT_MAX
    const place = isFull ? ANY_PLACE : { code, tenantId }
    const known = this.#losses.get(placeKeyOf(place))
    if (known === undefined) {
      this.#losses.set(placeKeyOf(place), { ...loss, ...place })
      return
    }
    known.count += loss.count
    known.firstAtMs = Math.min(known.firstAtMs, loss.firstAtMs)
    known.untilMs = Math.max(known.untilMs, loss.untilMs)
  }
}

function droppedEntry({ tenantId, count: lostCount, firstAtMs, untilMs }: Loss): AuditEntry {
  return {
    tenantId,
    atMs: firstAtMs,
    actor: { kind: 'system', id: '' },
    source: undefined,
    action: 'audit.dropped',
    target: { kind: 'audit', id: '*' },
    outcome: 'failure',
    reason: 'the rows could not be written or kept',
    count: lostCount,
    untilMs,
  }
}

/** @returns the control database for a code that no region has any more. */
function databaseOf(store: Store, code: string): Database<AuditRecords> {
  const region = [...store.regions.values()].find((each) => each.code === code)
  return region ?? store.control
}
