/** How much of topics one app and one node may hold. All of these bounds are ours. */
import type { TopicSpaceLimits } from './topic-space.ts'

export interface TopicLimits extends TopicSpaceLimits {
  /** Estimated bytes of the subscriptions of all apps on this node. */
  readonly nodeSubscriptionByteCountMax: number
  /** Estimated bytes of the retained messages of all apps on this node. */
  readonly nodeRetainedByteCountMax: number
}

const MEBI = 1024 * 1024

export const TOPIC_LIMITS: TopicLimits = {
  // Some four million of them with filters of usual length.
  nodeSubscriptionByteCountMax: 1536 * MEBI,
  nodeRetainedByteCountMax: 1024 * MEBI,
  tree: {
    subscriptionCountMax: 2_000_000,
    filterUnitsMax: 256 * MEBI,
    // Some 100 bytes each: filters of 128 levels that share none reach it with 16,000.
    nodeCountMax: 2_000_000,
  },
  retained: {
    messageCountMax: 250_000,
    byteCountMax: 256 * MEBI,
    nodeCountMax: 1_000_000,
    lookUpCountMax: 10_000,
    lookUpVisitCountMax: 50_000,
  },
}
