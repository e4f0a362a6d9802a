/**
 * What everybody writes first: all subscriptions in a list, each compared with the topic. The same
 * million as in `topic-match`, and the same deliveries.
 */
import { matchesTopic } from '@lockgate/protocol/mqtt/topic'
import type { TopicGrant } from '../../packages/server/src/core/topics/topic-subscriber.ts'
import { print, secondsAsked } from './stopwatch.ts'
import {
  type Counter,
  messageTo,
  spread,
  SUBSCRIPTION_COUNT,
  subscriptions,
  topicOf,
} from './topic-filters.ts'

Bun.gc(true)
const beforeBytes = process.memoryUsage().rss
const list: { readonly subscriber: Counter; readonly grant: TopicGrant }[] = []
for (const each of subscriptions()) list.push(each)
Bun.gc(true)
const bytes = (process.memoryUsage().rss - beforeBytes) / SUBSCRIPTION_COUNT

let received = 0
let count = 0
const cpu = process.cpuUsage()
const untilMs = performance.now() + secondsAsked() * 1_000
// One call takes too long for batches of them.
while (performance.now() < untilMs) {
  const message = messageTo(topicOf(spread(count++, SUBSCRIPTION_COUNT)))
  for (const { subscriber, grant } of list) {
    if (!matchesTopic(grant.filter, message.topic)) continue
    subscriber.deliver()
    received++
  }
}
const { user, system } = process.cpuUsage(cpu)
print({ matchUs: (user + system) / count, receivers: received / count, bytes })
