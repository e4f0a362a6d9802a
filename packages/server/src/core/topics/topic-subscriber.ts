/** Who receives messages of topics: the state of an MQTT session, connected or not. Values only. */
import type { Qos, TopicMessage } from './topic-message.ts'

/** One subscription with its options (MQTT 5 §3.8.3.1). */
export interface TopicGrant {
  /** As the client wrote it, `$share/group/` included. */
  readonly filter: string
  /** The most it is granted. */
  readonly qos: Qos
  /** Not what the same client published. */
  readonly noLocal: boolean
  /** The retain flag stays as it was published. */
  readonly retainAsPublished: boolean
  readonly subscriptionId: number | undefined
}

/** One message for one receiver: however many of its subscriptions match, it gets it once. */
export interface TopicDelivery {
  readonly message: TopicMessage
  /** The lower of what was published and the highest granted (§3.3.5). */
  readonly qos: Qos
  /** The flag to send: set for kept messages, or where a subscription wants it as published. */
  readonly retain: boolean
  /** Of all subscriptions that match [MQTT-3.3.4-3]; shared where it is empty. */
  readonly subscriptionIds: readonly number[]
}

export interface TopicSubscriber {
  readonly clientId: string
  /** Whether it takes messages of a shared subscription now: it is connected and has room. */
  readonly isReady: boolean
  /** Never throws and never waits; what cannot be taken is dropped by the receiver and counted. */
  deliver(delivery: TopicDelivery): void
}
