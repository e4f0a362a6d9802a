/**
 * What limits hold for one caller: the smallest of what plan, app, key and token say. Made once for
 * each combination and kept by whoever asks; deciding only reads it. Pure.
 */
import {
  type ConcurrentLimitName,
  isConcurrent,
  LIMIT_NAMES,
  limitKind,
  type LimitName,
  type WindowLimitName,
} from './limit-names.ts'
import { type ConcurrentLimit, defaultLimit, type Limit, type WindowLimit } from './limit-text.ts'

/** What each says; what a plan or app leaves out has the default of its row. */
export interface LimitSources {
  readonly plan?: readonly Limit[]
  readonly app?: readonly Limit[]
  /** Of a key and of a token: these narrow, they never replace a default. */
  readonly key?: readonly Limit[]
  readonly token?: readonly Limit[]
}

/** Frozen throughout; the rules may be handed to the engine as they are. */
export interface EffectiveLimits {
  /** The shortest window first; empty: no limit. */
  readonly rules: Readonly<Record<WindowLimitName, readonly WindowLimit[]>>
  /** At most one that is enforced and one in shadow. */
  readonly concurrent: Readonly<Record<ConcurrentLimitName, readonly ConcurrentLimit[]>>
}

/**
 * Never wider than any source: of limits of one name and window the smallest quota holds, limits
 * with different windows all hold. A limit in shadow takes nothing from one that is enforced, so
 * both stand; where two say what holds in an outage, the stricter word does. Limits that only the
 * installation sets are taken from their defaults alone.
 */
export function effectiveLimits(sources: LimitSources): EffectiveLimits {
  const wide = [...(sources.plan ?? []), ...(sources.app ?? [])].filter(isOfApp)
  const narrow = [...(sources.key ?? []), ...(sources.token ?? [])].filter(isOfApp)
  // One in shadow takes nothing from the default either.
  const enforced = wide.filter(({ isShadow }) => !isShadow)
  const named = new Set<LimitName>(enforced.map(({ name }) => name))
  const defaults = LIMIT_NAMES.filter((name) => !named.has(name)).flatMap(
    (name) => defaultLimit(name) ?? [],
  )
  const narrowed = new Map<string, Limit>()
  for (const limit of [...defaults, ...wide, ...narrow]) {
    const place = `${limit.name} ${limit.windowMs} ${limit.isShadow}`
    narrowed.set(place, stricter(narrowed.get(place), limit))
  }
  const rules = emptyLists<WindowLimitName, WindowLimit>((name) => !isConcurrent(name))
  const concurrent = emptyLists<ConcurrentLimitName, ConcurrentLimit>(isConcurrent)
  for (const limit of narrowed.values()) {
    if (limit.windowMs === undefined) concurrent[limit.name].push(limit)
    else rules[limit.name].push(limit)
  }
  for (const list of Object.values<WindowLimit[]>(rules)) {
    list.sort((one, other) => one.windowMs - other.windowMs)
  }
  return Object.freeze({ rules: frozenLists(rules), concurrent: frozenLists(concurrent) })
}

/**
 * Asks limits of what is there at a time.
 * @param count how many there would be with the one that asks.
 * @returns the first that refuses; with nothing refused, the first that would in shadow.
 */
export function concurrentRefusal(
  limits: readonly ConcurrentLimit[],
  count: number,
): ConcurrentLimit | undefined {
  const passed = limits.filter(({ quota }) => count > quota)
  return passed.find(({ isShadow }) => !isShadow) ?? passed[0]
}

/**
 * @returns the limits of `base` that `limits` does not keep: of each enforced one there has to be
 * one of the same name and window that is as small and as strict in an outage.
 */
export function limitsNotKept(limits: EffectiveLimits, base: EffectiveLimits): readonly Limit[] {
  const held = enforcedLimits(limits)
  return enforcedLimits(base).filter((limit) => !held.some((each) => keeps(each, limit)))
}

function enforcedLimits({ rules, concurrent }: EffectiveLimits): readonly Limit[] {
  const lists: (readonly Limit[])[] = [...Object.values(rules), ...Object.values(concurrent)]
  return lists.flat().filter(({ isShadow }) => !isShadow)
}

function keeps(one: Limit, other: Limit): boolean {
  const isSamePlace = one.name === other.name && one.windowMs === other.windowMs
  if (!isSamePlace || one.quota > other.quota) return false
  if (one.windowMs === undefined || other.windowMs === undefined) return true
  return STRICTNESS.indexOf(one.onOutage) <= STRICTNESS.indexOf(other.onOutage)
}

function isOfApp({ name }: Limit): boolean {
  return limitKind(name).setBy === 'app'
}

function stricter(one: Limit | undefined, other: Limit): Limit {
  if (one === undefined) return other
  const narrower = other.quota < one.quota ? other : one
  if (narrower.windowMs === undefined || one.windowMs === undefined) return narrower
  if (other.windowMs === undefined) return narrower
  const onOutage = STRICTNESS.find((word) => word === one.onOutage || word === other.onOutage)
  if (onOutage === undefined || onOutage === narrower.onOutage) return narrower
  return Object.freeze({ ...narrower, onOutage })
}

const STRICTNESS = ['closed', 'local', 'open'] as const

function emptyLists<N extends LimitName, L>(holds: (name: LimitName) => boolean): Record<N, L[]> {
  const lists = LIMIT_NAMES.filter(holds).map((name) => [name, [] as L[]])
  return Object.fromEntries(lists) as Record<N, L[]> // the names of one half of the table
}

function frozenLists<N extends string, L>(
  lists: Record<N, L[]>,
): Readonly<Record<N, readonly L[]>> {
  for (const list of Object.values<L[]>(lists)) Object.freeze(list)
  return Object.freeze(lists)
}
