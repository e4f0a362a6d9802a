/**
 * Who gets a message among a million subscriptions: CPU of finding them and of handing it to each,
 * where the getting costs nothing; what a subscription takes in memory, its text and options
 * included; what a fan-out adds for each receiver; and what filters chosen to make a message dear
 * can make it cost.
 */
import { SubscriptionTree } from '../../packages/server/src/core/topics/subscription-tree.ts'
import { TOPIC_LIMITS } from '../../packages/server/src/core/topics/topic-limits.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'
import {
  Counter,
  grantOf,
  messageTo,
  spread,
  SUBSCRIPTION_COUNT,
  subscriptions,
  topicOf,
} from './topic-filters.ts'

const FAN_OUT_COUNT = 1_000
const DEAR_LEVEL_COUNT = 14
/** Publishes whose receivers are counted. */
const SAMPLE_COUNT = 10_000

const seconds = secondsAsked() / 3

function filled(): { readonly tree: SubscriptionTree; readonly bytes: number } {
  Bun.gc(true)
  const beforeBytes = process.memoryUsage().rss
  const tree = new SubscriptionTree(TOPIC_LIMITS.tree)
  for (const { subscriber, grant } of subscriptions()) {
    if (tree.subscribe(subscriber, grant) !== 'new') throw new Error('a subscription was refused')
  }
  Bun.gc(true)
  return { tree, bytes: (process.memoryUsage().rss - beforeBytes) / SUBSCRIPTION_COUNT }
}

async function fanOutNs(): Promise<number> {
  const tree = new SubscriptionTree(TOPIC_LIMITS.tree)
  for (let index = 0; index < FAN_OUT_COUNT; index++) {
    tree.subscribe(new Counter(`client-${index}`), grantOf('news/all'))
  }
  const message = messageTo('news/all')
  const { cpuUs } = await timeCalls(seconds, () => {
    if (tree.deliver(message) !== FAN_OUT_COUNT) throw new Error('somebody was left out')
  })
  return (cpuUs * 1_000) / FAN_OUT_COUNT
}

/** Each shape of so many levels there is room for, none of which matches. */
async function dearUs(): Promise<number> {
  const tree = new SubscriptionTree(TOPIC_LIMITS.tree)
  const hostile = new Counter('hostile')
  for (let number = 0; number < 2 ** DEAR_LEVEL_COUNT; number++) {
    let filter = ''
    for (let bit = 0; bit < DEAR_LEVEL_COUNT; bit++)
      filter += (number >> bit) % 2 === 0 ? 'a/' : '+/'
    tree.subscribe(hostile, grantOf(`${filter}x`))
  }
  const message = messageTo(`${'a/'.repeat(DEAR_LEVEL_COUNT)}y`)
  const { cpuUs } = await timeCalls(seconds, () => {
    if (tree.deliver(message) !== 0) throw new Error('what matches nothing was delivered')
  })
  return cpuUs
}

/** Of the publish with this number; a text that nobody has looked up before, as the codec's are. */
function publish(index: number): number {
  return tree.deliver(messageTo(topicOf(spread(index, SUBSCRIPTION_COUNT))))
}

const { tree, bytes } = filled()
let received = 0
for (let index = 0; index < SAMPLE_COUNT; index++) received += publish(index)
const { cpuUs: matchUs } = await timeCalls(seconds, publish)
const receivers = received / SAMPLE_COUNT
print({ matchUs, receivers, bytes, fanOutNs: await fanOutNs(), dearUs: await dearUs() })
