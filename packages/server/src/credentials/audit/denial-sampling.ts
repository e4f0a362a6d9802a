/**
 * Which denials become rows. The first of a kind do, and the rest of its minute are counted exactly
 * and become one row. All kinds of a group (a tenant's, in one database, of one action and one kind
 * of actor) have a number of rows together, so that a flood from many addresses makes a chain grow
 * no faster than one from a few, and what strangers do hides nothing that somebody known did.
 */
import type { Clock } from '../../ports/clock.ts'
import { ANY_PLACE, DENIAL_PLACE_COUNT_MAX, type DenialPlace, placeKeyOf } from './denial-place.ts'
import type { AuditEntry } from './entry.ts'

/** Our bounds. */
export const DENIAL_WINDOW_MS = 60_000
/** Of one kind in its window, before the row that counts the rest. */
export const DENIAL_ROW_COUNT_MAX = 5
/** Of all kinds of a group in its window, before the row that counts the rest. */
export const DENIAL_GROUP_ROW_COUNT_MAX = 100
/** Of kinds at a time. */
export const DENIAL_KEY_COUNT_MAX = 2_000
const TEXT_LENGTH_MAX = 200

export type Denial = Omit<AuditEntry, 'atMs'>

interface Counted {
  count: number
  firstAtMs: number
  untilMs: number
}

/** Of a kind, or of a group. */
interface Window extends DenialPlace, Counted {
  readonly denial: Denial
  readonly startMs: number
  rowCount: number
}

export class DenialSampling {
  readonly #clock: Clock
  readonly #emit: (place: DenialPlace, entry: AuditEntry) => void
  readonly #kinds = new Map<string, Window>()
  readonly #groups = new Map<string, Window>()

  constructor(deps: {
    readonly clock: Clock
    /** Given each row, at the time it is known. */
    readonly emit: (place: DenialPlace, entry: AuditEntry) => void
  }) {
    this.#clock = deps.clock
    this.#emit = deps.emit
  }

  /** @param denial texts of callers in it are cut to a bound. */
  take(denial: Denial, code: string): void {
    const cut = shortened(denial)
    const place = { code, tenantId: cut.tenantId }
    const atMs = this.#clock.nowMs()
    const once = { count: 1, firstAtMs: atMs, untilMs: atMs }
    const group = this.#groupOf(place, cut)
    const key = kindOf(cut, code)
    let kind = this.#current(this.#kinds, key)
    if (kind !== undefined && kind.rowCount >= DENIAL_ROW_COUNT_MAX) return addTo(kind, once)
    if (group.rowCount >= DENIAL_GROUP_ROW_COUNT_MAX) return addTo(group, once)
    if (kind === undefined) {
      if (this.#kinds.size >= DENIAL_KEY_COUNT_MAX) return addTo(group, once)
      kind = this.#open(place, cut)
      this.#kinds.set(key, kind)
    }
    kind.rowCount++
    group.rowCount++
    this.#emit(place, { ...cut, atMs })
  }

  /** Emits the counts of windows that are over. */
  closeEnded(): void {
    this.#close((window) => this.#isOver(window))
  }

  /** Emits the counts of all windows. */
  closeAll(): void {
    this.#close(() => true)
  }

  #close(isMeant: (window: Window) => boolean): void {
    // Kinds first: what no row is left for is added to the group.
    for (const [key, kind] of this.#kinds) {
      if (!isMeant(kind)) continue
      this.#kinds.delete(key)
      this.#closeKind(kind)
    }
    for (const [key, group] of this.#groups) {
      if (!isMeant(group)) continue
      this.#groups.delete(key)
      this.#emitCount(group)
    }
  }

  #closeKind(kind: Window): void {
    if (kind.count === 0) return
    const group = this.#groupOf(kind, kind.denial)
    if (group.rowCount >= DENIAL_GROUP_ROW_COUNT_MAX) return addTo(group, kind)
    group.rowCount++
    this.#emitCount(kind)
  }

  #emitCount({ code, tenantId, denial, count, firstAtMs, untilMs }: Window): void {
    if (count === 0) return
    this.#emit({ code, tenantId }, { ...denial, atMs: firstAtMs, count, untilMs })
  }

  /** @returns the group of any place when there are too many to tell apart. */
  #groupOf(place: DenialPlace, denial: Denial): Window {
    const key = groupKeyOf(place, denial)
    const known = this.#current(this.#groups, key)
    if (known !== undefined) return known
    const isFull = this.#groups.size >= DENIAL_PLACE_COUNT_MAX
    if (isFull && place !== ANY_PLACE) return this.#groupOf(ANY_PLACE, denial)
    const { code, tenantId } = place
    const group = this.#open({ code, tenantId }, groupDenial(tenantId, denial))
    this.#groups.set(key, group)
    return group
  }

  /** @returns the window of the key; undefined for none, or for one that was over and is closed. */
  #current(windows: Map<string, Window>, key: string): Window | undefined {
    const window = windows.get(key)
    if (window === undefined || !this.#isOver(window)) return window
    windows.delete(key)
    if (windows === this.#kinds) this.#closeKind(window)
    else this.#emitCount(window)
    return undefined
  }

  #isOver({ startMs }: Window): boolean {
    return this.#clock.monotonicMs() - startMs >= DENIAL_WINDOW_MS
  }

  #open(place: DenialPlace, denial: Denial): Window {
    const startMs = this.#clock.monotonicMs()
    return { ...place, denial, startMs, rowCount: 0, count: 0, firstAtMs: 0, untilMs: 0 }
  }
}

function addTo(window: Counted, more: Readonly<Counted>): void {
  const isFirst = window.count === 0
  window.count += more.count
  window.firstAtMs = isFirst ? more.firstAtMs : Math.min(window.firstAtMs, more.firstAtMs)
  window.untilMs = isFirst ? more.untilMs : Math.max(window.untilMs, more.untilMs)
}

function kindOf(denial: Denial, code: string): string {
  const { tenantId, action, reason, actor, source, target } = denial
  const who = [actor.kind, actor.id, source?.ip]
  return JSON.stringify([tenantId, code, action, reason, ...who, target.kind, target.id])
}

/** Of actions and kinds of actors there are few, and no caller chooses among them. */
function groupKeyOf(place: DenialPlace, { action, actor }: Denial): string {
  return `${placeKeyOf(place)}\0${action}\0${actor.kind}`
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

function groupDenial(tenantId: string, { action, actor: { kind } }: Denial): Denial {
  return {
    tenantId,
    actor: { kind, id: kind === 'anonymous' ? '' : '*' },
    source: undefined,
    action,
    target: { kind: '*', id: '*' },
    outcome: 'denied',
    reason: 'many_kinds',
  }
}
