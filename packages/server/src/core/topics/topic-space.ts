/** What one app has of topics on this node: subscriptions and retained messages. State only. */
import { RetainedMessages, type RetainedLimits } from './retained-messages.ts'
import { SubscriptionTree, type TreeLimits } from './subscription-tree.ts'

export interface TopicSpaceLimits {
  readonly tree: TreeLimits
  readonly retained: RetainedLimits
}

export class TopicSpace {
  readonly tree: SubscriptionTree
  readonly retained: RetainedMessages

  constructor(limits: TopicSpaceLimits) {
    this.tree = new SubscriptionTree(limits.tree)
    this.retained = new RetainedMessages(limits.retained)
  }

  get isEmpty(): boolean {
    return this.tree.size === 0 && this.retained.size === 0
  }
}
