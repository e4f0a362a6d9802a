/** Subscribers, messages and hubs of topics for tests. */
import fc from 'fast-check'
import { isTopicFilter, isTopicName } from '../../packages/protocol/src/mqtt/topic.ts'
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import { AppSpace } from '../../packages/server/src/core/app-space.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import { type RetainedChange, TopicHub } from '../../packages/server/src/core/topics/topic-hub.ts'
import { TOPIC_LIMITS } from '../../packages/server/src/core/topics/topic-limits.ts'
import type { TopicMessage } from '../../packages/server/src/core/topics/topic-message.ts'
import type {
  TopicDelivery,
  TopicGrant,
  TopicSubscriber,
} from '../../packages/server/src/core/topics/topic-subscriber.ts'
import type { Broker } from '../../packages/server/src/ports/broker.ts'
import { loadedApp } from './loaded-app.ts'
import { OPEN_SETTINGS } from './pusher-world.ts'
import { RecordingFanout } from './recording-fanout.ts'

/** Keeps what it is given. */
export class Listener implements TopicSubscriber {
  readonly clientId: string
  isReady = true
  deliveries: TopicDelivery[] = []

  constructor(clientId: string) {
    this.clientId = clientId
  }

  deliver(delivery: TopicDelivery): void {
    this.deliveries.push(delivery)
  }

  /** @returns what came since the last time. */
  take(): TopicDelivery[] {
    const taken = this.deliveries
    this.deliveries = []
    return taken
  }
}

export function grant(filter: string, options: Partial<TopicGrant> = {}): TopicGrant {
  return {
    filter,
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    subscriptionId: undefined,
    ...options,
  }
}

export function message(topic: string, options: Partial<TopicMessage> = {}): TopicMessage {
  return {
    topic,
    payload: new TextEncoder().encode('x'),
    qos: 0,
    retain: false,
    properties: {},
    expiresAtMs: undefined,
    publisherId: undefined,
    ...options,
  }
}

const word = fc.constantFrom('a', 'b', '$c', '')

/** Few levels of few words, so that many filters meet many names. */
export const topicNames = fc
  .array(word, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter(isTopicName)

export const topicFilters = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => [...levels, ...(isOpen ? ['#'] : [])].join('/'))
  .filter(isTopicFilter)

/** Nodes with a hub each on one bus; `space(node, app)` is live once it was asked for. */
export class TopicWorld {
  readonly bus = createMemoryBus()
  readonly time = { ms: 1_000_000 }
  readonly clock = { nowMs: () => this.time.ms, monotonicMs: () => this.time.ms }
  readonly changes: (RetainedChange & { readonly appId: string })[] = []

  node(limits = TOPIC_LIMITS) {
    const spaces = new Map<string, AppSpace>()
    const broker: Broker = this.bus.connect()
    const tally = new Tally()
    const events = new LiveEvents()
    const hub = new TopicHub(
      {
        spaces: { find: (appId) => spaces.get(appId), spaces: () => spaces.values() },
        broker,
        clock: this.clock,
        tally,
        events,
        onRetained: ({ app }, change) => this.changes.push({ ...change, appId: app.id }),
      },
      limits,
    )
    const space = (id: string): AppSpace => {
      const known = spaces.get(id)
      if (known !== undefined) return known
      const { app } = loadedApp({ settings: OPEN_SETTINGS, signingKeys: [] })
      const made = new AppSpace({ ...app, id }, new RecordingFanout())
      spaces.set(id, made)
      return made
    }
    return { hub, space, tally, events, broker }
  }
}
