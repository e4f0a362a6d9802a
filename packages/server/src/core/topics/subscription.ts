/** What the tree of subscriptions holds. Small, because there are millions. State only. */
import type { Keyed } from './compact-map.ts'
import type { TopicGrant, TopicSubscriber } from './topic-subscriber.ts'

/** One subscriber as a tree knows it, as long as it has a subscription there. */
export class Receiver {
  readonly subscriber: TopicSubscriber
  /** The newest one of its subscriptions; the others hang on it. */
  newest: Subscription | undefined
  /** The last message it was found for, and where it stands among the receivers of that one. */
  mark = 0
  place = 0

  constructor(subscriber: TopicSubscriber) {
    this.subscriber = subscriber
  }
}

export class Subscription implements Keyed<Receiver> {
  /** Whose it is. */
  readonly key: Receiver
  /** Replaced when the same filter is subscribed to again [MQTT-3.8.4-3]. */
  grant: TopicGrant
  /** Those of the same subscriber before and after it. */
  older: Subscription | undefined
  newer: Subscription | undefined

  constructor(receiver: Receiver, grant: TopicGrant) {
    this.key = receiver
    this.grant = grant
    this.older = receiver.newest
    this.newer = undefined
    if (receiver.newest !== undefined) receiver.newest.newer = this
    receiver.newest = this
  }

  /** Takes it off its subscriber. */
  unlink(): void {
    const { older, newer, key } = this
    if (older !== undefined) older.newer = newer
    if (newer !== undefined) newer.older = older
    else key.newest = older
  }
}
