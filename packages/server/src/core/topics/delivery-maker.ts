/**
 * The deliveries of one message: receivers who get the same share one object, so a message for a
 * thousand plain subscriptions makes one. State of one publish.
 */
import type { Qos, TopicMessage } from './topic-message.ts'
import type { TopicDelivery } from './topic-subscriber.ts'

const NO_IDS: readonly number[] = []

export class DeliveryMaker {
  readonly #message: TopicMessage
  /** Without identifiers: by QoS, then retain flag. */
  readonly #plain: (TopicDelivery | undefined)[] = [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]
  /** The last one with identifiers: a backend that uses them often uses one. */
  #numbered: TopicDelivery | undefined

  constructor(message: TopicMessage) {
    this.#message = message
  }

  /**
   * @param wanted `qos` as granted; `keepsRetain` as retainAsPublished; `ids` in any order, or one.
   */
  make(wanted: {
    readonly qos: Qos
    readonly keepsRetain: boolean
    readonly ids: readonly number[] | number | undefined
  }): TopicDelivery {
    const message = this.#message
    // The lower of both (§3.3.5).
    const qos = lowerOf(wanted.qos, message.qos)
    // Cleared for those who are subscribed, unless they want it as published [MQTT-3.3.1-12].
    const retain = message.retain && wanted.keepsRetain
    if (wanted.ids !== undefined) return this.#withIds({ qos, retain, ids: wanted.ids })
    const place = qos * 2 + (retain ? 1 : 0)
    const known = this.#plain[place]
    if (known !== undefined) return known
    const made = { message, qos, retain, subscriptionIds: NO_IDS }
    this.#plain[place] = made
    return made
  }

  #withIds({ qos, retain, ids }: { qos: Qos; retain: boolean; ids: readonly number[] | number }) {
    const message = this.#message
    if (typeof ids !== 'number') return { message, qos, retain, subscriptionIds: ids }
    const last = this.#numbered
    if (last?.qos === qos && last.retain === retain && last.subscriptionIds[0] === ids) return last
    this.#numbered = { message, qos, retain, subscriptionIds: [ids] }
    return this.#numbered
  }
}

function lowerOf(one: Qos, other: Qos): Qos {
  if (one > other) return other
  return one
}
