/**
 * A map in as little memory as its size needs: nothing, its one value, a short list, a `Map`. A
 * million of them hold one value each, and some hold a hundred thousand. Pure.
 */

export interface Keyed<K> {
  readonly key: K
}

/**
 * A value, never changed in place where it is not a `Map`: who walks a list goes on in the old one.
 */
export type CompactMap<K, V extends Keyed<K>> = undefined | V | readonly V[] | Map<K, V>

/** Ours: up to here a look through a list costs less than hashing. */
const LISTED_COUNT_MAX = 8
/** A map that shrinks becomes a list below, so that one at the edge does not flap. */
const LISTED_AGAIN_COUNT = 4

export function findIn<K, V extends Keyed<K>>(held: CompactMap<K, V>, key: K): V | undefined {
  if (held === undefined) return undefined
  if (held instanceof Map) return held.get(key)
  if (!isList(held)) return held.key === key ? held : undefined
  for (const value of held) if (value.key === key) return value
  return undefined
}

/** @param value its key is not in the map yet. @returns what to hold from now on. */
export function withValue<K, V extends Keyed<K>>(
  held: CompactMap<K, V>,
  value: V,
): V | readonly V[] | Map<K, V> {
  if (held === undefined) return value
  if (held instanceof Map) return held.set(value.key, value)
  if (!isList(held)) return [held, value]
  if (held.length < LISTED_COUNT_MAX) return [...held, value]
  const map = new Map<K, V>()
  for (const each of held) map.set(each.key, each)
  return map.set(value.key, value)
}

/** @returns what to hold from now on: undefined when nothing is left. */
export function withoutKey<K, V extends Keyed<K>>(
  held: CompactMap<K, V>,
  key: K,
): CompactMap<K, V> {
  if (held === undefined) return undefined
  if (held instanceof Map) {
    held.delete(key)
    return held.size > LISTED_AGAIN_COUNT ? held : [...held.values()]
  }
  if (!isList(held)) return held.key === key ? undefined : held
  const left = held.filter((value) => value.key !== key)
  return left.length > 1 ? left : left[0]
}

export function sizeOf<K, V extends Keyed<K>>(held: CompactMap<K, V>): number {
  if (held === undefined) return 0
  if (held instanceof Map) return held.size
  return isList(held) ? held.length : 1
}

/** Values added while it runs may be visited or not; none is visited twice. */
export function visitAll<K, V extends Keyed<K>>(
  held: CompactMap<K, V>,
  visit: (value: V) => void,
): void {
  if (held === undefined) return
  if (held instanceof Map) for (const value of held.values()) visit(value)
  else if (isList(held)) for (const value of held) visit(value)
  else visit(held)
}

/** As {@link visitAll}, at the pace of who asks. */
export function valuesOf<K, V extends Keyed<K>>(held: CompactMap<K, V>): Iterator<V> {
  if (held === undefined) return NOTHING[Symbol.iterator]()
  if (held instanceof Map) return held.values()
  return (isList(held) ? held : [held])[Symbol.iterator]()
}

const NOTHING: readonly never[] = []

/** `Array.isArray` does not tell a readonly list from a value. */
function isList<V>(held: V | readonly V[]): held is readonly V[] {
  return Array.isArray(held)
}
