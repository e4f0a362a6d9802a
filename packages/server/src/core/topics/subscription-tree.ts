/**
 * The subscriptions of one app on this node, and who gets a message by them. However many
 * subscriptions of a subscriber match, it gets the message once (§3.3.4), and once more for each
 * shared subscription it is chosen for (§4.8.2). State only.
 */
import { splitShared } from '@lockgate/protocol/mqtt/topic'
import { type CompactMap, findIn, visitAll, withoutKey, withValue } from './compact-map.ts'
import { DeliveryMaker } from './delivery-maker.ts'
import { FilterIndex } from './filter-index.ts'
import { ShareGroup } from './share-group.ts'
import { Receiver, Subscription } from './subscription.ts'
import type { Qos, TopicMessage } from './topic-message.ts'
import type { TopicGrant, TopicSubscriber } from './topic-subscriber.ts'

export interface TreeLimits {
  /** Subscriptions of one app on this node. */
  readonly subscriptionCountMax: number
  /** UTF-16 units of all their filters. */
  readonly filterUnitsMax: number
  /** Nodes for filters with wildcards, and as many again for shared ones. */
  readonly nodeCountMax: number
}

/** Ours, measured: objects and keys of a subscription, its options included, without its filter. */
const SUBSCRIPTION_BYTES = 300
/** Ours: a node and its place in its parent. */
const NODE_BYTES = 128

type Subscribers = Exclude<CompactMap<Receiver, Subscription>, undefined>
type Groups = Exclude<CompactMap<string, ShareGroup>, undefined>

export class SubscriptionTree {
  readonly #limits: TreeLimits
  readonly #receivers = new Map<TopicSubscriber, Receiver>()
  readonly #plain: FilterIndex<Subscribers>
  readonly #shared: FilterIndex<Groups>
  #size = 0
  #filterUnits = 0
  #mark = 0

  constructor(limits: TreeLimits) {
    this.#limits = limits
    this.#plain = new FilterIndex(limits)
    this.#shared = new FilterIndex(limits)
  }

  /** Subscriptions, shared ones included. */
  get size(): number {
    return this.#size
  }

  /** All that is kept; zero when the last subscription has gone. */
  get entryCount(): number {
    const indexed = this.#plain.size + this.#shared.size
    const nodes = this.#plain.nodeCount + this.#shared.nodeCount
    return this.#receivers.size + indexed + nodes + this.#filterUnits
  }

  /** Estimated memory; texts at two bytes a unit. */
  get byteCount(): number {
    const nodeCount = this.#plain.nodeCount + this.#shared.nodeCount
    return this.#size * SUBSCRIPTION_BYTES + this.#filterUnits * 2 + nodeCount * NODE_BYTES
  }

  /** Nodes that finding the receivers of a message visits at most. */
  get visitCountMax(): number {
    return this.#plain.visitCountMax + this.#shared.visitCountMax
  }

  has(subscriber: TopicSubscriber, filter: string): boolean {
    const receiver = this.#receivers.get(subscriber)
    return receiver !== undefined && this.#find(receiver, filter) !== undefined
  }

  /**
   * @param grant its filter is one; No Local with a shared one was refused before [MQTT-3.8.3-4].
   * @returns `full` with nothing changed.
   */
  subscribe(subscriber: TopicSubscriber, grant: TopicGrant): 'new' | 'replaced' | 'full' {
    const { filter } = grant
    const known = this.#receivers.get(subscriber)
    const held = known === undefined ? undefined : this.#find(known, filter)
    if (held !== undefined) {
      held.grant = grant
      return 'replaced'
    }
    if (!this.#hasRoom(filter)) return 'full'
    const receiver = known ?? new Receiver(subscriber)
    const subscription = new Subscription(receiver, grant)
    if (!this.#insert(subscription)) {
      subscription.unlink()
      return 'full'
    }
    if (known === undefined) this.#receivers.set(subscriber, receiver)
    this.#size++
    this.#filterUnits += filter.length
    return 'new'
  }

  /** @returns whether there was such a subscription. */
  unsubscribe(subscriber: TopicSubscriber, filter: string): boolean {
    const receiver = this.#receivers.get(subscriber)
    const held = receiver === undefined ? undefined : this.#find(receiver, filter)
    if (held === undefined) return false
    this.#remove(held)
    return true
  }

  /** Takes out all subscriptions of a subscriber. @returns how many there were. */
  removeSubscriber(subscriber: TopicSubscriber): number {
    const receiver = this.#receivers.get(subscriber)
    let count = 0
    for (let held = receiver?.newest; held !== undefined; held = receiver?.newest) {
      this.#remove(held)
      count++
    }
    return count
  }

  /** Gives a message to everybody it is for. @returns how many deliveries that were. */
  deliver(message: TopicMessage): number {
    const maker = new DeliveryMaker(message)
    return this.#deliverPlain(message, maker) + this.#deliverShared(message, maker)
  }

  #deliverPlain(message: TopicMessage, maker: DeliveryMaker): number {
    const found: Subscribers[] = []
    this.#plain.match(message.topic, found)
    if (found.length > 1) return this.#deliverMerged({ message, found }, maker)
    let count = 0
    visitAll(found[0], ({ key: { subscriber }, grant }) => {
      if (grant.noLocal && subscriber.clientId === message.publisherId) return
      count++
      subscriber.deliver(
        maker.make({
          qos: grant.qos,
          keepsRetain: grant.retainAsPublished,
          ids: grant.subscriptionId,
        }),
      )
    })
    return count
  }

  /** Several filters match: a subscriber may have more than one of them. */
  #deliverMerged(
    { message, found }: { readonly message: TopicMessage; readonly found: readonly Subscribers[] },
    maker: DeliveryMaker,
  ): number {
    // All are found before any is delivered to: what a delivery sets off may publish in between.
    const mark = ++this.#mark
    const matches: (Subscription | Merged)[] = []
    for (const subscribers of found) {
      visitAll(subscribers, (subscription) => {
        const { key: receiver, grant } = subscription
        // Each subscription decides for itself: another one without No Local still delivers.
        if (grant.noLocal && receiver.subscriber.clientId === message.publisherId) return
        const earlier = receiver.mark === mark ? matches[receiver.place] : undefined
        if (earlier !== undefined) {
          matches[receiver.place] = merge(earlier, grant)
          return
        }
        receiver.mark = mark
        receiver.place = matches.push(subscription) - 1
      })
    }
    for (const match of matches) {
      if (match instanceof Subscription) {
        const { qos, retainAsPublished: keepsRetain, subscriptionId: ids } = match.grant
        match.key.subscriber.deliver(maker.make({ qos, keepsRetain, ids }))
      } else match.receiver.subscriber.deliver(maker.make(match))
    }
    return matches.length
  }

  #deliverShared(message: TopicMessage, maker: DeliveryMaker): number {
    if (this.#shared.size === 0) return 0
    const found: Groups[] = []
    this.#shared.match(message.topic, found)
    let count = 0
    for (const groups of found) {
      visitAll(groups, (group) => {
        const chosen = group.choose()
        if (chosen === undefined) return
        count++
        const { qos, retainAsPublished: keepsRetain, subscriptionId: ids } = chosen.grant
        chosen.key.subscriber.deliver(maker.make({ qos, keepsRetain, ids }))
      })
    }
    return count
  }

  #hasRoom(filter: string): boolean {
    const { subscriptionCountMax, filterUnitsMax } = this.#limits
    return this.#size < subscriptionCountMax && this.#filterUnits + filter.length <= filterUnitsMax
  }

  #find(receiver: Receiver, text: string): Subscription | undefined {
    const shared = splitShared(text)
    if (shared === undefined) return findIn<Receiver, Subscription>(this.#plain.get(text), receiver)
    const groups = this.#shared.get(shared.filter)
    return findIn<string, ShareGroup>(groups, shared.group)?.find(receiver)
  }

  #insert(subscription: Subscription): boolean {
    const { filter: text } = subscription.grant
    const shared = splitShared(text)
    if (shared === undefined) {
      const held = this.#plain.get(text)
      const holds = withValue<Receiver, Subscription>(held, subscription)
      return holds === held || this.#plain.set(text, holds)
    }
    const { filter, group: name } = shared
    const groups = this.#shared.get(filter)
    const known = findIn<string, ShareGroup>(groups, name)
    const group = known ?? new ShareGroup(name)
    if (known === undefined) {
      const holds = withValue<string, ShareGroup>(groups, group)
      if (!this.#shared.set(filter, holds)) return false
    }
    group.add(subscription)
    return true
  }

  #remove(subscription: Subscription): void {
    const { key: receiver, grant } = subscription
    subscription.unlink()
    if (receiver.newest === undefined) this.#receivers.delete(receiver.subscriber)
    this.#size--
    this.#filterUnits -= grant.filter.length
    const shared = splitShared(grant.filter)
    if (shared === undefined) {
      const left = withoutKey<Receiver, Subscription>(this.#plain.get(grant.filter), receiver)
      if (left === undefined) this.#plain.delete(grant.filter)
      else this.#plain.set(grant.filter, left)
      return
    }
    const groups = this.#shared.get(shared.filter)
    const group = findIn<string, ShareGroup>(groups, shared.group)
    group?.remove(receiver)
    if (group === undefined || group.size > 0) return
    const left = withoutKey<string, ShareGroup>(groups, shared.group)
    if (left === undefined) this.#shared.delete(shared.filter)
    else this.#shared.set(shared.filter, left)
  }
}

/** What several subscriptions of one subscriber come to. */
class Merged {
  readonly receiver: Receiver
  /** The highest of all [MQTT-3.3.4-2]. */
  qos: Qos = 0
  /** One that wants the flag as published is enough. */
  keepsRetain = false
  /** Of all of them, in the order found [MQTT-3.3.4-4]. */
  ids: number[] | undefined

  constructor(receiver: Receiver) {
    this.receiver = receiver
  }

  add({ qos, retainAsPublished, subscriptionId }: TopicGrant): void {
    if (qos > this.qos) this.qos = qos
    if (retainAsPublished) this.keepsRetain = true
    if (subscriptionId === undefined) return
    if (this.ids === undefined) this.ids = [subscriptionId]
    // The same identifier of two subscriptions is sent twice (§3.3.4).
    else this.ids.push(subscriptionId)
  }
}

function merge(earlier: Subscription | Merged, grant: TopicGrant): Merged {
  if (earlier instanceof Merged) {
    earlier.add(grant)
    return earlier
  }
  const merged = new Merged(earlier.key)
  merged.add(earlier.grant)
  merged.add(grant)
  return merged
}
