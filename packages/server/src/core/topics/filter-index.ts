/**
 * Topic filters with a value each, found by a topic name (§4.7). Filters without a wildcard are in
 * a map, the others in a trie by levels. Filters are taken as checked: at most
 * `TOPIC_LEVEL_COUNT_MAX` levels, wildcards in their places. State only.
 */
import { type CompactMap, findIn, type Keyed, withoutKey, withValue } from './compact-map.ts'
import { FilterShapes } from './filter-shapes.ts'
import { ownText } from './own-text.ts'

export interface FilterIndexLimits {
  /** Nodes of the trie: a filter of many levels takes one for each that no other filter has. */
  readonly nodeCountMax: number
  /** See {@link FilterShapes}; undefined: its own bound. */
  readonly shapeStepCountMax?: number
}

/** One level of a trie of filters. */
class FilterNode<T> implements Keyed<string> {
  readonly key: string
  /** Levels that are text. */
  children: CompactMap<string, FilterNode<T>>
  plus: FilterNode<T> | undefined
  /** Of the filter that ends here. */
  value: T | undefined
  /** Of the filter that goes on with `#`: matches this level too (§4.7.1.2). */
  rest: T | undefined

  constructor(key: string) {
    this.key = key
  }
}

export class FilterIndex<T extends object> {
  readonly #exact = new Map<string, T>()
  readonly #root = new FilterNode<T>('')
  readonly #shapes: FilterShapes
  readonly #limits: FilterIndexLimits
  #wildcardCount = 0
  #nodeCount = 0

  constructor(limits: FilterIndexLimits) {
    this.#limits = limits
    this.#shapes = new FilterShapes(limits.shapeStepCountMax)
  }

  /** Filters that have a value. */
  get size(): number {
    return this.#exact.size + this.#wildcardCount
  }

  get nodeCount(): number {
    return this.#nodeCount
  }

  /** Nodes a look-up visits at most, whatever the topic. */
  get visitCountMax(): number {
    return 1 + this.#shapes.stepCount
  }

  get(filter: string): T | undefined {
    if (!hasWildcard(filter)) return this.#exact.get(filter)
    const levels = filter.split('/')
    const isOpen = levels.at(-1) === '#'
    if (isOpen) levels.pop()
    let node: FilterNode<T> | undefined = this.#root
    for (const level of levels) {
      node = level === '+' ? node.plus : findIn(node.children, level)
      if (node === undefined) return undefined
    }
    return isOpen ? node.rest : node.value
  }

  /** @returns false, with nothing changed, where a new filter has no room. */
  set(filter: string, value: T): boolean {
    if (!hasWildcard(filter)) {
      this.#exact.set(filter, value)
      return true
    }
    const levels = filter.split('/')
    const isOpen = levels.at(-1) === '#'
    if (isOpen) levels.pop()
    const isKnown = this.get(filter) !== undefined
    if (!isKnown && !this.#hasRoom(levels)) return false
    let node = this.#root
    for (const level of levels) node = this.#childOf(node, level, filter)
    if (isOpen) node.rest = value
    else node.value = value
    if (isKnown) return true
    this.#wildcardCount++
    this.#shapes.add(levels)
    return true
  }

  /** Takes the filter out, and every node that only it needed. */
  delete(filter: string): void {
    if (!hasWildcard(filter)) {
      this.#exact.delete(filter)
      return
    }
    if (this.get(filter) === undefined) return
    const levels = filter.split('/')
    const isOpen = levels.at(-1) === '#'
    if (isOpen) levels.pop()
    const path = this.#pathOf(levels)
    const last = path.at(-1) ?? this.#root
    if (isOpen) last.rest = undefined
    else last.value = undefined
    this.#wildcardCount--
    this.#shapes.remove(levels)
    for (let depth = levels.length; depth > 0; depth--) {
      const [node, parent] = [path[depth], path[depth - 1]]
      if (node === undefined || parent === undefined || !isUnused(node)) return
      if (parent.plus === node) parent.plus = undefined
      else parent.children = withoutKey(parent.children, node.key)
      this.#nodeCount--
    }
  }

  /** Puts the value of every filter that matches into `found`. @param topic a topic name. */
  match(topic: string, found: T[]): void {
    const exact = this.#exact.get(topic)
    if (exact !== undefined) found.push(exact)
    if (this.#wildcardCount === 0) return
    const levels = topic.split('/')
    if (!topic.startsWith('$')) {
      collect(this.#root, { levels, found }, 0)
      return
    }
    // Wildcards at the beginning leave out what begins with `$` [MQTT-4.7.2-1].
    const child = findIn(this.#root.children, levels[0] ?? '')
    if (child !== undefined) collect(child, { levels, found }, 1)
  }

  #hasRoom(levels: readonly string[]): boolean {
    // Not how many it would take, which costs a walk, but the most it could.
    const isWithin = this.#nodeCount + levels.length <= this.#limits.nodeCountMax
    return isWithin && this.#shapes.hasRoom(levels)
  }

  #childOf(node: FilterNode<T>, level: string, filter: string): FilterNode<T> {
    const known = level === '+' ? node.plus : findIn(node.children, level)
    if (known !== undefined) return known
    this.#nodeCount++
    const made = new FilterNode<T>(ownText(level, filter))
    if (level === '+') node.plus = made
    else node.children = withValue(node.children, made)
    return made
  }

  /** @returns the root and the nodes of all levels. */
  #pathOf(levels: readonly string[]): FilterNode<T>[] {
    const path = [this.#root]
    let node: FilterNode<T> | undefined = this.#root
    for (const level of levels) {
      node = level === '+' ? node.plus : findIn(node.children, level)
      if (node === undefined) return path
      path.push(node)
    }
    return path
  }
}

/** Goes as deep as the topic: `TOPIC_LEVEL_COUNT_MAX` at most. */
function collect<T>(
  node: FilterNode<T>,
  search: { readonly levels: readonly string[]; readonly found: T[] },
  depth: number,
): void {
  if (node.rest !== undefined) search.found.push(node.rest)
  const level = search.levels[depth]
  if (level === undefined) {
    if (node.value !== undefined) search.found.push(node.value)
    return
  }
  const child = findIn(node.children, level)
  if (child !== undefined) collect(child, search, depth + 1)
  if (node.plus !== undefined) collect(node.plus, search, depth + 1)
}

function isUnused({ children, plus, value, rest }: FilterNode<unknown>): boolean {
  return children === undefined && plus === undefined && value === undefined && rest === undefined
}

/** A filter that is one has these characters as wildcards only [MQTT-4.7.1-1] [MQTT-4.7.1-2]. */
export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.endsWith('#')
}
