/**
 * Retained messages on their way to new subscriptions (§3.3.1.3), at the pace of the client: many
 * may match, and the client may be slow. Nothing is copied: what has not been sent yet stays where
 * it is kept.
 */
import { hasWildcard } from '../../core/topics/filter-index.ts'
import type { Qos, TopicMessage } from '../../core/topics/topic-message.ts'
import type { TopicGrant } from '../../core/topics/topic-subscriber.ts'
import type { MqttClient } from './client.ts'

/** Our choice: how many leave in one turn before others have theirs. */
export const RETAINED_TURN_COUNT_MAX = 100
/**
 * Ours, measured: what looking through the topics for one filter with wildcards counts as, because
 * it may take milliseconds and find nothing.
 */
export const LOOK_UP_COST = 25

const NO_IDS: readonly number[] = []

interface Due {
  readonly grant: TopicGrant
  readonly messages: Iterator<TopicMessage>
  /** What the end of it counts as. */
  readonly cost: number
}

export class RetainedSending {
  readonly #client: MqttClient
  /** By filter, in the order in which they were asked for; none that the client does not hold. */
  readonly #due = new Map<string, Due>()
  #isNextTurnDue = false

  constructor(client: MqttClient) {
    this.#client = client
  }

  get isIdle(): boolean {
    return this.#due.size === 0
  }

  /** A subscription gets what is retained now; asked for again, it begins anew. */
  add(grant: TopicGrant): void {
    const { deps, space } = this.#client
    const { filter } = grant
    const messages = deps.topics.retainedFor(space, filter)[Symbol.iterator]()
    this.#due.delete(filter)
    this.#due.set(filter, { grant, messages, cost: hasWildcard(filter) ? LOOK_UP_COST : 1 })
  }

  remove(filter: string): void {
    this.#due.delete(filter)
  }

  clear(): void {
    this.#due.clear()
  }

  /** Sends what fits; called again when there is room. */
  pump(): void {
    const turn = { left: RETAINED_TURN_COUNT_MAX }
    for (const due of this.#due.values()) if (!this.#sendAll(due, turn)) return
  }

  /** @returns whether all of it is sent, and others may follow in this turn. */
  #sendAll(due: Due, turn: { left: number }): boolean {
    // What cannot be sent now would fill the queue of the session, and push out what is new.
    while (this.#client.state.isReady) {
      if (turn.left <= 0) {
        this.#goOn()
        return false
      }
      const next = due.messages.next()
      turn.left -= next.done === true ? due.cost : 1
      if (next.done === true) return this.#due.delete(due.grant.filter)
      this.#deliver(next.value, due.grant)
    }
    return false
  }

  #goOn(): void {
    if (this.#isNextTurnDue) return
    this.#isNextTurnDue = true
    this.#client.deps.turns.next(() => {
      this.#isNextTurnDue = false
      this.pump()
    })
  }

  #deliver(message: TopicMessage, grant: TopicGrant): void {
    const { noLocal, subscriptionId } = grant
    // [MQTT-3.8.3-3]
    if (noLocal && message.publisherId === this.#client.terms.clientId) return
    const qos = Math.min(message.qos, grant.qos) as Qos
    const subscriptionIds = subscriptionId === undefined ? NO_IDS : [subscriptionId]
    // [MQTT-3.3.1-8]: the flag says that it was there before.
    this.#client.state.deliver({ message, qos, retain: true, subscriptionIds })
  }
}
