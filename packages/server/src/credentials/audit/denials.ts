/**
 * Rows of denials, off the hot path: the first of a kind become rows of their own, the rest of a
 * window are counted exactly and become one row. Memory is bounded: under a flood of kinds they are
 * added up per tenant, and what cannot be kept while a database is out is counted as dropped.
 */
import type { Clock } from '../../ports/clock.ts'
import { Outage } from '../../ports/outage.ts'
import { type AuditRecords, Conflict, type Database, type Store } from '../../ports/store.ts'
import { type AuditEntry, INSTALLATION } from './entry.ts'
import type { AuditTrail } from './trail.ts'

/** Our bounds. */
export const DENIAL_WINDOW_MS = 60_000
export const DENIAL_ROW_COUNT_MAX = 5
export const DENIAL_KEY_COUNT_MAX = 2_000
/** Of tenants and databases whose kinds are added up, or whose rows were dropped. */
export const DENIAL_PLACE_COUNT_MAX = 2_000
/** Of rows that wait for a database. */
export const DENIAL_WAITING_COUNT_MAX = 20_000
const TEXT_LENGTH_MAX = 200
const CONTROL = 'control'

export type Denial = Omit<AuditEntry, 'atMs'>
/** Takes a denial; microseconds, and never throws for what a caller sent. */
export type Deny = (denial: Denial, databaseCode: string) => void

interface Place {
  readonly code: string
  readonly tenantId: string
}

interface Window extends Place {
  readonly denial: Denial
  readonly startMs: number
  rowCount: number
  /** Beyond the rows. */
  count: number
  firstAtMs: number
  untilMs: number
}

interface Waiting extends Place {
  entries: AuditEntry[]
}

interface Loss extends Place {
  count: number
  firstAtMs: number
  untilMs: number
}

export class Denials {
  readonly #trail: AuditTrail
  readonly #clock: Clock
  readonly #windows = new Map<string, Window>()
  /** One per place, for what comes when there are too many windows. */
  readonly #sums = new Map<string, Window>()
  readonly #losses = new Map<string, Loss>()
  #waiting = new Map<string, Waiting>()
  #waitingCount = 0

  constructor(deps: { readonly trail: AuditTrail; readonly clock: Clock }) {
    this.#trail = deps.trail
    this.#clock = deps.clock
  }

  /**
   * Takes microseconds and writes nothing yet.
   * @param denial texts of callers in it are cut to a bound.
   */
  deny(denial: Denial, databaseCode: string): void {
    const cut = shortened(denial)
    const key = kindOf(cut, databaseCode)
    const nowMs = this.#clock.monotonicMs()
    let window = this.#windows.get(key)
    if (window !== undefined && nowMs - window.startMs >= DENIAL_WINDOW_MS) {
      this.#windows.delete(key)
      this.#close(window)
      window = undefined
    }
    if (window === undefined && this.#windows.size >= DENIAL_KEY_COUNT_MAX) {
      this.#addUp({ code: databaseCode, tenantId: cut.tenantId })
      return
    }
    if (window === undefined) {
      window = this.#open({ code: databaseCode, tenantId: cut.tenantId }, cut)
      this.#windows.set(key, window)
    }
    const atMs = this.#clock.nowMs()
    if (window.rowCount >= DENIAL_ROW_COUNT_MAX) return addTo(window, atMs)
    window.rowCount++
    this.#wait(window, { ...cut, atMs })
  }

  /**
   * Writes what waits and the counts of windows that ended: one transaction per tenant and
   * database.
   * @throws what the first failed one threw; its rows wait for the next call.
   */
  async flush(store: Store): Promise<void> {
    const endMs = this.#clock.monotonicMs() - DENIAL_WINDOW_MS
    await this.#flush(store, ({ startMs }) => startMs <= endMs)
  }

  /** Writes everything, also of windows that have not ended. @throws as {@link flush}. */
  async finish(store: Store): Promise<void> {
    await this.#flush(store, () => true)
  }

  async #flush(store: Store, isOver: (window: Window) => boolean): Promise<void> {
    for (const windows of [this.#windows, this.#sums]) {
      for (const [key, window] of windows) {
        if (!isOver(window)) continue
        windows.delete(key)
        this.#close(window)
      }
    }
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
    const newer = this.#waiting.get(keyOf(batch))?.entries ?? []
    this.#waitingCount -= newer.length
    this.#waiting.delete(keyOf(batch))
    for (const entry of [...batch.entries, ...newer]) {
      if (isKept) this.#wait(batch, entry)
      else this.#lose(batch, entry)
    }
    if (loss !== undefined) this.#addLoss(loss)
  }

  #open(place: Place, denial: Denial): Window {
    const startMs = this.#clock.monotonicMs()
    return { ...place, denial, startMs, rowCount: 0, count: 0, firstAtMs: 0, untilMs: 0 }
  }

  #close({ code, tenantId, denial, ...window }: Window): void {
    if (window.count === 0) return
    const { count, firstAtMs, untilMs } = window
    this.#wait({ code, tenantId }, { ...denial, atMs: firstAtMs, count, untilMs })
  }

  #addUp(wanted: Place): void {
    const place = boundedPlace(this.#sums, wanted)
    const key = keyOf(place)
    let sum = this.#sums.get(key)
    if (sum === undefined) {
      sum = this.#open(place, summedDenial(place.tenantId))
      this.#sums.set(key, sum)
    }
    addTo(sum, this.#clock.nowMs())
  }

  #wait(place: Place, entry: AuditEntry): void {
    if (this.#waitingCount >= DENIAL_WAITING_COUNT_MAX) return this.#lose(place, entry)
    const key = keyOf(place)
    const known = this.#waiting.get(key)
    this.#waitingCount++
    if (known !== undefined) known.entries.push(entry)
    else {
      const { code, tenantId } = place
      this.#waiting.set(key, { code, tenantId, entries: [entry] })
    }
  }

  #lose(place: Place, entry: AuditEntry): void {
    const { atMs, untilMs = atMs, count: lostCount = 1 } = entry
    const { code, tenantId } = place
    this.#addLoss({ code, tenantId, count: lostCount, firstAtMs: atMs, untilMs })
  }

  #addLoss(loss: Loss): void {
    const place = boundedPlace(this.#losses, loss)
    const known = this.#losses.get(keyOf(place))
    if (known === undefined) {
      this.#losses.set(keyOf(place), { ...loss, ...place })
      return
    }
    known.count += loss.count
    known.firstAtMs = Math.min(known.firstAtMs, loss.firstAtMs)
    known.untilMs = Math.max(known.untilMs, loss.untilMs)
  }
}

function addTo(window: Window, atMs: number): void {
  if (window.count === 0) window.firstAtMs = atMs
  window.count++
  window.untilMs = atMs
}

/** Codes hold no NUL, so two places never share a key. */
function keyOf({ code, tenantId }: Place): string {
  return `${code}\0${tenantId}`
}

function kindOf(denial: Denial, code: string): string {
  const { tenantId, action, reason, actor, source, target } = denial
  const who = [actor.kind, actor.id, source?.ip]
  return JSON.stringify([tenantId, code, action, reason, ...who, target.kind, target.id])
}

/** @returns the installation's own place when there are too many to tell apart. */
function boundedPlace(known: ReadonlyMap<string, unknown>, { code, tenantId }: Place): Place {
  const place = { code, tenantId }
  if (known.has(keyOf(place)) || known.size < DENIAL_PLACE_COUNT_MAX) return place
  return { code: CONTROL, tenantId: INSTALLATION }
}

/** What callers send is of any length; a row is not. */
function shortened(denial: Denial): Denial {
  const { actor, target, reason } = denial
  const cut = (text: string) => text.slice(0, TEXT_LENGTH_MAX)
  const name = target.name === undefined ? {} : { name: cut(target.name) }
  return {
    ...denial,
    actor: { ...actor, id: cut(actor.id) },
    target: { ...target, id: cut(target.id), ...name },
    ...(reason === undefined ? {} : { reason: cut(reason) }),
  }
}

function summedDenial(tenantId: string): Denial {
  return {
    tenantId,
    actor: { kind: 'anonymous', id: '' },
    source: undefined,
    action: 'auth.denied',
    target: { kind: '*', id: '*' },
    outcome: 'denied',
    reason: 'many_kinds',
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
