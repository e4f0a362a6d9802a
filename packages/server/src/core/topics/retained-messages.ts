/**
 * The retained messages of one app (§3.3.1.3): the last one of each topic, found by name or by a
 * filter. Bounded in messages, in bytes and in nodes of the trie that filters are looked up in.
 * Life is decided when read; `sweep` only frees. State only.
 */
import {
  type CompactMap,
  findIn,
  type Keyed,
  valuesOf,
  withoutKey,
  withValue,
} from './compact-map.ts'
import { hasWildcard } from './filter-index.ts'
import { ownText } from './own-text.ts'
import type { PassedProperties, TopicMessage } from './topic-message.ts'

export interface RetainedLimits {
  readonly messageCountMax: number
  /** Estimated memory: texts, payloads and {@link MESSAGE_OVERHEAD_BYTES}. */
  readonly byteCountMax: number
  /** A topic takes one for each of its levels that no other topic has. */
  readonly nodeCountMax: number
  /** Messages that one look-up yields at most; the others are left out. */
  readonly lookUpCountMax: number
  /** Nodes that one look-up visits at most. */
  readonly lookUpVisitCountMax: number
}

/** Ours: objects, keys and what the trie takes, for one message. */
export const MESSAGE_OVERHEAD_BYTES = 400
/** Ours: messages with an expiry that one sweep looks at. */
export const SWEEP_COUNT_MAX = 1_000

/** One level of the trie of topic names. */
class NameNode implements Keyed<string> {
  readonly key: string
  children: CompactMap<string, NameNode>
  /** The topic that ends here, where a message of it is kept. */
  topic: string | undefined

  constructor(key: string) {
    this.key = key
  }
}

/** What a look-up has still to do. */
interface Branch {
  readonly nodes: Iterator<NameNode>
  /** The level of the filter that decides about the children of these nodes. */
  readonly depth: number
}

export class RetainedMessages {
  readonly #limits: RetainedLimits
  readonly #messages = new Map<string, TopicMessage>()
  readonly #root = new NameNode('')
  /** Topics whose message expires. */
  readonly #expiring = new Set<string>()
  #sweeping: Iterator<string> | undefined
  #nodeCount = 0
  #byteCount = 0

  constructor(limits: RetainedLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#messages.size
  }

  get byteCount(): number {
    return this.#byteCount
  }

  get nodeCount(): number {
    return this.#nodeCount
  }

  /** Takes the place of the last one of its topic. @returns false: no room, nothing changed. */
  keep(message: TopicMessage): boolean {
    const { topic } = message
    const last = this.#messages.get(topic)
    if (!this.#hasRoom(message, last)) return false
    if (last === undefined) this.#insert(topic)
    this.#byteCount += sizeOfMessage(message) - (last === undefined ? 0 : sizeOfMessage(last))
    this.#messages.set(topic, message)
    if (message.expiresAtMs === undefined) this.#expiring.delete(topic)
    else this.#expiring.add(topic)
    return true
  }

  /** @returns whether there was one. */
  remove(topic: string): boolean {
    const last = this.#messages.get(topic)
    if (last === undefined) return false
    this.#messages.delete(topic)
    this.#expiring.delete(topic)
    this.#byteCount -= sizeOfMessage(last)
    this.#cut(topic)
    return true
  }

  /**
   * @param filter not a shared one: these get no retained messages (§4.8.2).
   * @param nowMs asked for each message, because who takes them may take its time.
   * Yields what is kept and alive when it is taken; may be taken slowly, while others change it.
   * @returns false where its bounds left some out.
   */
  *matching(filter: string, nowMs: () => number): Generator<TopicMessage, boolean, undefined> {
    if (!hasWildcard(filter)) {
      const message = this.#alive(filter, nowMs)
      if (message !== undefined) yield message
      return true
    }
    let left = this.#limits.lookUpCountMax
    const topics = this.#topics(filter)
    for (let next = topics.next(); ; next = topics.next()) {
      if (next.done === true) return next.value
      const message = this.#alive(next.value, nowMs)
      if (message === undefined) continue
      if (left-- === 0) return false
      yield message
    }
  }

  /** Frees some of what has expired. @param forgotten told each topic. */
  sweep(nowMs: number, forgotten: (topic: string) => void): void {
    for (let left = SWEEP_COUNT_MAX; left > 0; left--) {
      if (this.#expiring.size === 0) return
      this.#sweeping ??= this.#expiring.values()
      const next = this.#sweeping.next()
      if (next.done === true) {
        this.#sweeping = undefined
        return
      }
      const message = this.#messages.get(next.value)
      if (message === undefined || isAlive(message, nowMs)) continue
      this.remove(next.value)
      forgotten(next.value)
    }
  }

  #alive(topic: string, nowMs: () => number): TopicMessage | undefined {
    const message = this.#messages.get(topic)
    return message !== undefined && isAlive(message, nowMs()) ? message : undefined
  }

  #hasRoom(message: TopicMessage, last: TopicMessage | undefined): boolean {
    const { messageCountMax, byteCountMax, nodeCountMax } = this.#limits
    const freed = last === undefined ? 0 : sizeOfMessage(last)
    if (this.#byteCount - freed + sizeOfMessage(message) > byteCountMax) return false
    if (last !== undefined) return true
    const levelCount = message.topic.split('/').length
    return this.#messages.size < messageCountMax && this.#nodeCount + levelCount <= nodeCountMax
  }

  #insert(topic: string): void {
    let node = this.#root
    for (const level of topic.split('/')) {
      let child = findIn(node.children, level)
      if (child === undefined) {
        child = new NameNode(ownText(level, topic))
        node.children = withValue(node.children, child)
        this.#nodeCount++
      }
      node = child
    }
    node.topic = topic
  }

  #cut(topic: string): void {
    const path = [this.#root]
    let node: NameNode | undefined = this.#root
    for (const level of topic.split('/')) {
      node = findIn(node.children, level)
      if (node === undefined) return
      path.push(node)
    }
    node.topic = undefined
    for (let depth = path.length - 1; depth > 0; depth--) {
      const [last, parent] = [path[depth], path[depth - 1]]
      if (last === undefined || parent === undefined) return
      if (last.topic !== undefined || last.children !== undefined) return
      parent.children = withoutKey(parent.children, last.key)
      this.#nodeCount--
    }
  }

  /** Yields topics that `filter` matches, as they are asked for. @returns false: visits ran out. */
  *#topics(filter: string): Generator<string, boolean, undefined> {
    const levels = filter.split('/')
    const branches: Branch[] = [{ nodes: [this.#root].values(), depth: 0 }]
    let left = this.#limits.lookUpVisitCountMax
    for (let branch = branches.at(-1); branch !== undefined; branch = branches.at(-1)) {
      const next = branch.nodes.next()
      if (next.done === true) {
        branches.pop()
        continue
      }
      if (left-- === 0) return false
      const node = next.value
      const level = levels[branch.depth]
      const isEnd = level === undefined || level === '#'
      if (isEnd && node.topic !== undefined) yield node.topic
      if (level === undefined || node.children === undefined) continue
      const depth = level === '#' ? branch.depth : branch.depth + 1
      branches.push({ nodes: this.#below(node, level), depth })
    }
    return true
  }

  /** Children of `node` that one level of a filter matches. */
  #below(node: NameNode, level: string): Iterator<NameNode> {
    if (level !== '+' && level !== '#')
      return valuesOf<string, NameNode>(findIn(node.children, level))
    const all = valuesOf(node.children)
    return node === this.#root ? withoutDollar(all) : all
  }
}

/** Wildcards at the beginning leave out what begins with `$` [MQTT-4.7.2-1]. */
function* withoutDollar(nodes: Iterator<NameNode>): Generator<NameNode, void, undefined> {
  for (let next = nodes.next(); next.done !== true; next = nodes.next()) {
    if (!next.value.key.startsWith('$')) yield next.value
  }
}

function isAlive({ expiresAtMs }: TopicMessage, nowMs: number): boolean {
  return expiresAtMs === undefined || nowMs < expiresAtMs
}

/** Upper estimate, texts at two bytes a unit. */
function sizeOfMessage({ topic, payload, properties }: TopicMessage): number {
  return MESSAGE_OVERHEAD_BYTES + 2 * topic.length + payload.length + sizeOfProperties(properties)
}

function sizeOfProperties({
  contentType = '',
  responseTopic = '',
  correlationData,
  userProperties = [],
}: PassedProperties): number {
  let size = 2 * (contentType.length + responseTopic.length) + (correlationData?.length ?? 0)
  for (const [name, value] of userProperties) {
    size += PROPERTY_OVERHEAD_BYTES + 2 * (name.length + value.length)
  }
  return size
}

const PROPERTY_OVERHEAD_BYTES = 64
