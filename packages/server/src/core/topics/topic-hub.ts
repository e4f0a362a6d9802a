/**
 * The hub of topics: subscriptions with wildcards, retained messages and shared subscriptions, for
 * every app. All calls are synchronous, so the state between two calls is always whole. Whether a
 * caller may ask is decided before. Subscriptions are known to the node of their subscriber only:
 * each node delivers to its own, and with several nodes each share group has one receiver per node.
 * Retained messages are on every node.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { BROKER_PAYLOAD_BYTES_MAX, type Broker } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AppSpace } from '../app-space.ts'
import { type Bridges, HubEvents } from '../hub-events.ts'
import type { LiveEvents } from '../live-events.ts'
import type { RefusalCode } from '../refusals.ts'
import type { Tally } from '../tally.ts'
import { decodeTopicEnvelope, encodeTopicEnvelope, TOPICS_TOPIC } from './topic-envelope.ts'
import { TOPIC_LIMITS, type TopicLimits } from './topic-limits.ts'
import type { TopicMessage } from './topic-message.ts'
import { TopicSpace } from './topic-space.ts'
import type { TopicGrant, TopicSubscriber } from './topic-subscriber.ts'

/** Spaces as the hub of channels knows them. */
export interface LiveSpaces {
  /** @returns undefined for an app that does not exist, or that nothing has asked for yet. */
  find(appId: string): AppSpace | undefined
  spaces(): Iterable<AppSpace>
}

/** What changed of the retained messages of an app, for who writes them down. */
export interface RetainedChange {
  readonly topic: string
  /** Undefined: removed, or expired. */
  readonly message: TopicMessage | undefined
}

export interface TopicHubPorts {
  readonly spaces: LiveSpaces
  readonly broker: Broker
  readonly clock: Clock
  readonly tally: Tally
  readonly events: LiveEvents
  readonly bridging?: Bridges
  /** Called on the node of the publisher alone, before anybody gets the message. */
  readonly onRetained: (space: AppSpace, change: RetainedChange) => void
}

export interface PublishOutcome {
  /** Deliveries on this node; another one may have more. */
  readonly receiverCount: number
  /** What became of it as a retained message; `full`: delivered, and not kept. */
  readonly retained: 'kept' | 'removed' | 'full' | undefined
}

/** Operators' topics, which no client writes; and what would look like a shared subscription. */
const RESERVED = /^\$(?:SYS|share)(?:\/|$)/

/** Whether nobody may publish to `topic`; such a message reaches nobody. */
export function isReservedTopic(topic: string): boolean {
  return topic.startsWith('$') && RESERVED.test(topic)
}

export class TopicHub {
  readonly #ports: TopicHubPorts
  readonly #limits: TopicLimits
  readonly #events: HubEvents
  readonly #stopListening: () => void

  constructor(ports: TopicHubPorts, limits: TopicLimits = TOPIC_LIMITS) {
    this.#ports = ports
    this.#limits = limits
    this.#events = new HubEvents(ports)
    const receive = (payload: string) => this.#receive(payload)
    this.#stopListening = ports.broker.subscribe(TOPICS_TOPIC, receive)
  }

  /**
   * Subscribes, or replaces the options of a subscription to the same filter [MQTT-3.8.4-3].
   * @param grant its filter is one (`isTopicFilter`), and allowed to the subscriber.
   */
  subscribe(
    space: AppSpace,
    subscriber: TopicSubscriber,
    grant: TopicGrant,
  ): Result<'new' | 'replaced', Extract<RefusalCode, 'topics_full'>> {
    const topics = this.#open(space)
    const isFull =
      this.#ports.tally.topicSubscriptionBytes >= this.#limits.nodeSubscriptionByteCountMax &&
      !topics.tree.has(subscriber, grant.filter)
    const outcome = isFull
      ? 'full'
      : this.#counted(topics, ({ tree }) => tree.subscribe(subscriber, grant))
    if (outcome !== 'full') return ok(outcome)
    this.#closeIfEmpty(space)
    return refuse('topics_full')
  }

  /** @returns whether there was such a subscription. */
  unsubscribe(space: AppSpace, subscriber: TopicSubscriber, filter: string): boolean {
    const { topics } = space
    if (topics === undefined) return false
    const isGone = this.#counted(topics, ({ tree }) => tree.unsubscribe(subscriber, filter))
    this.#closeIfEmpty(space)
    return isGone
  }

  /** Takes out all subscriptions of a subscriber. Idempotent. */
  removeSubscriber(space: AppSpace, subscriber: TopicSubscriber): void {
    const { topics } = space
    if (topics === undefined) return
    this.#counted(topics, ({ tree }) => tree.removeSubscriber(subscriber))
    this.#closeIfEmpty(space)
  }

  /**
   * Delivers a message here and on every other node, and keeps it where it is to be retained.
   * @throws Outage `broker_unavailable`, and then nobody got it.
   */
  publish(space: AppSpace, message: TopicMessage): PublishOutcome {
    if (isReservedTopic(message.topic)) return { receiverCount: 0, retained: undefined }
    this.#forward(space, message)
    const retained = message.retain ? this.#retain(space, message) : undefined
    if (retained === 'full') this.#ports.tally.refused('topics_full')
    else if (retained !== undefined) {
      const kept = retained === 'kept' ? message : undefined
      this.#ports.onRetained(space, { topic: message.topic, message: kept })
    }
    const receiverCount = this.#deliver(space, message)
    this.#events.publishedToTopic(space, message)
    return { receiverCount, retained }
  }

  /**
   * What a new subscription to `filter` gets; none for a shared one (§4.8.2). May be taken at any
   * pace. At most `retained.lookUpCountMax`: a look-up that leaves some out is counted.
   */
  *retainedFor(space: AppSpace, filter: string): Generator<TopicMessage, void, undefined> {
    const { clock, tally } = this.#ports
    if (space.topics === undefined || filter.startsWith('$share/')) return
    const isWhole = yield* space.topics.retained.matching(filter, () => clock.nowMs())
    if (!isWhole) tally.retainedLookUpsCut++
  }

  /** Puts back what was written down, at the start. @returns false: no room for it. */
  restoreRetained(space: AppSpace, message: TopicMessage): boolean {
    return this.#retain(space, message) !== 'full'
  }

  /** Frees retained messages that have expired. Called about once a second. */
  tick(): void {
    const nowMs = this.#ports.clock.nowMs()
    for (const space of this.#ports.spaces.spaces()) {
      if (space.topics === undefined) continue
      this.#counted(space.topics, ({ retained }) =>
        retained.sweep(nowMs, (topic) =>
          this.#ports.onRetained(space, { topic, message: undefined }),
        ),
      )
      this.#closeIfEmpty(space)
    }
  }

  /** Lets go of all that a deleted app has here. */
  forget(space: AppSpace): void {
    const { topics } = space
    if (topics === undefined) return
    this.#count(topics, -1)
    space.topics = undefined
  }

  /** Stops listening to other nodes. */
  close(): void {
    this.#stopListening()
  }

  #open(space: AppSpace): TopicSpace {
    space.topics ??= new TopicSpace(this.#limits)
    return space.topics
  }

  #closeIfEmpty(space: AppSpace): void {
    if (space.topics?.isEmpty === true) space.topics = undefined
  }

  /** Encoding costs more than a delivery, so it is done only where somebody listens. */
  #forward(space: AppSpace, message: TopicMessage): void {
    const { broker, tally } = this.#ports
    if (!broker.hasListeners(TOPICS_TOPIC)) return
    const envelope = encodeTopicEnvelope({ appId: space.app.id, message })
    const byteCount = Buffer.byteLength(envelope)
    if (byteCount <= BROKER_PAYLOAD_BYTES_MAX) broker.publish(TOPICS_TOPIC, envelope)
    else tally.topicMessagesUnforwarded++
  }

  #receive(payload: string): void {
    const envelope = decodeTopicEnvelope(payload)
    if (envelope === undefined || isReservedTopic(envelope.message.topic)) return
    const space = this.#ports.spaces.find(envelope.appId)
    if (space === undefined) return
    if (envelope.message.retain) this.#retain(space, envelope.message)
    this.#deliver(space, envelope.message)
  }

  /** An empty payload removes what is kept [MQTT-3.3.1-6], and is not kept itself. */
  #retain(space: AppSpace, message: TopicMessage): 'kept' | 'removed' | 'full' | undefined {
    if (message.payload.length === 0) {
      if (space.topics === undefined) return undefined
      const isGone = this.#counted(space.topics, ({ retained }) => retained.remove(message.topic))
      this.#closeIfEmpty(space)
      return isGone ? 'removed' : undefined
    }
    const isNodeFull = this.#ports.tally.retainedBytes >= this.#limits.nodeRetainedByteCountMax
    const topics = this.#open(space)
    const isKept = !isNodeFull && this.#counted(topics, ({ retained }) => retained.keep(message))
    this.#closeIfEmpty(space)
    return isKept ? 'kept' : 'full'
  }

  /** Does a change, and counts what it changed. */
  #counted<T>(topics: TopicSpace, change: (topics: TopicSpace) => T): T {
    this.#count(topics, -1)
    const outcome = change(topics)
    this.#count(topics, 1)
    return outcome
  }

  #count({ tree, retained }: TopicSpace, sign: 1 | -1): void {
    const { tally } = this.#ports
    tally.topicSubscriptions += sign * tree.size
    tally.topicSubscriptionBytes += sign * tree.byteCount
    tally.retainedMessages += sign * retained.size
    tally.retainedBytes += sign * retained.byteCount
  }

  #deliver(space: AppSpace, message: TopicMessage): number {
    const { tally } = this.#ports
    tally.messagesPublished++
    const count = space.topics?.tree.deliver(message) ?? 0
    tally.messagesDelivered += count
    return count
  }
}
