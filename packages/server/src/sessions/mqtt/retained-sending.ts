/**
 * Retained messages on their way to new subscriptions (§3.3.1.3), at the pace of the client: many
 * may match, and the client may be slow. Nothing is copied: what has not been sent yet stays where
 * it is kept.
 */
import type { Qos, TopicMessage } from '../../core/topics/topic-message.ts'
import type { TopicGrant } from '../../core/topics/topic-subscriber.ts'
import type { MqttClient } from './client.ts'

/** Our choice: how many leave in one turn before others have theirs. */
export const RETAINED_TURN_COUNT_MAX = 100

const NO_IDS: readonly number[] = []

interface Due {
  readonly grant: TopicGrant
  readonly messages: Iterator<TopicMessage>
}

export class RetainedSending {
  readonly #client: MqttClient
  /** At most as many as the client has subscriptions, and one more for each time it asks again. */
  #due: Due[] = []
  #isNextTurnDue = false

  constructor(client: MqttClient) {
    this.#client = client
  }

  get isIdle(): boolean {
    return this.#due.length === 0
  }

  /** A subscription gets what is retained now; asked for again, it begins anew. */
  add(grant: TopicGrant): void {
    const { deps, space } = this.#client
    this.#due = this.#due.filter((due) => due.grant.filter !== grant.filter)
    const messages = deps.topics.retainedFor(space, grant.filter)[Symbol.iterator]()
    this.#due.push({ grant, messages })
  }

  remove(filter: string): void {
    this.#due = this.#due.filter((due) => due.grant.filter !== filter)
  }

  clear(): void {
    this.#due = []
  }

  /** Sends what fits; called again when there is room. */
  pump(): void {
    let left = RETAINED_TURN_COUNT_MAX
    for (let due = this.#due[0]; due !== undefined; due = this.#due[0]) {
      // What cannot be sent now would fill the queue of the session, and push out what is new.
      if (!this.#client.state.isReady) return
      if (left-- === 0) return this.#goOn()
      const next = due.messages.next()
      if (next.done === true) this.#due.shift()
      else this.#deliver(next.value, due.grant)
    }
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
