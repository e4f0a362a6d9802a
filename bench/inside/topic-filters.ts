/**
 * A million subscriptions as a fleet of devices and its dashboards have them: 100,000 subscribers of
 * ten each, one in ten of them with wildcards, at any level and of any depth. The same every time.
 */
import type { TopicMessage } from '../../packages/server/src/core/topics/topic-message.ts'
import type {
  TopicGrant,
  TopicSubscriber,
} from '../../packages/server/src/core/topics/topic-subscriber.ts'

export const SUBSCRIPTION_COUNT = 1_000_000
const SUBSCRIPTIONS_EACH = 10
/** Subscriptions between two collections of garbage. */
const COLLECTED_COUNT = 100_000
const LINE_COUNT = 100
const DEVICE_COUNT = 20
const METRICS = ['temperature', 'pressure', 'state', 'alarm', 'battery']
const SITE_COUNT = SUBSCRIPTION_COUNT / LINE_COUNT / DEVICE_COUNT / METRICS.length

/** Counts and does nothing: what is measured is who gets a message, and not the getting. */
export class Counter implements TopicSubscriber {
  readonly clientId: string
  readonly isReady = true
  count = 0

  constructor(clientId: string) {
    this.clientId = clientId
  }

  deliver(): void {
    this.count++
  }
}

/** A well spread number below `below`; the same for the same index. */
export function spread(index: number, below: number): number {
  let mixed = Math.imul(index + 1, 0x9e37_79b1) >>> 0
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) >>> 0
  return ((mixed ^ (mixed >>> 13)) >>> 0) % below
}

export function topicOf(index: number): string {
  const site = index % SITE_COUNT
  const line = Math.floor(index / SITE_COUNT) % LINE_COUNT
  const device = Math.floor(index / SITE_COUNT / LINE_COUNT) % DEVICE_COUNT
  const metric =
    METRICS[Math.floor(index / SITE_COUNT / LINE_COUNT / DEVICE_COUNT) % METRICS.length]
  return `site-${site}/line-${line}/device-${device}/${metric}`
}

/** One in ten has wildcards: one or two levels are `+`, or all from one level on are `#`. */
export function filterOf(index: number): string {
  const topic = topicOf(index)
  if (index % 10 !== 0) return topic
  const levels = topic.split('/')
  const kind = spread(index, 10)
  // A site that is left out matches all of them, so that is done seldom, as dashboards do.
  const first = spread(index, 1_000) === 0 ? 0 : 1
  const place = first + spread(index + 1, levels.length - first)
  if (kind < 3) return [...levels.slice(0, Math.max(2, place)), '#'].join('/')
  levels[place] = '+'
  if (kind < 5) levels[levels.length - 1 - spread(index + 2, 2)] = '+'
  return levels.join('/')
}

/** Made one by one, so that their memory counts as that of their subscriptions. */
export function* subscriptions(): Generator<{
  readonly subscriber: Counter
  readonly grant: TopicGrant
}> {
  let subscriber = new Counter('client-0')
  for (let index = 0; index < SUBSCRIPTION_COUNT; index++) {
    if (index % SUBSCRIPTIONS_EACH === 0) subscriber = new Counter(`client-${index}`)
    // What the script leaves lying about is not to be what is measured.
    if (index % COLLECTED_COUNT === 0) Bun.gc(true)
    yield { subscriber, grant: grantOf(decodedText(filterOf(index))) }
  }
}

/** With the fields of a session's, whatever it is made of. */
export function grantOf(filter: string): TopicGrant {
  return { filter, qos: 1, noLocal: false, retainAsPublished: false, subscriptionId: undefined }
}

/** As the codec hands it over: a text of its own, cut out of nothing. */
function decodedText(text: string): string {
  return packet.toString('utf8', 0, packet.write(text))
}

const packet = Buffer.alloc(1_024)

const PAYLOAD = new Uint8Array(64)

export function messageTo(topic: string): TopicMessage {
  return {
    topic,
    payload: PAYLOAD,
    qos: 0,
    retain: false,
    properties: {},
    expiresAtMs: undefined,
    publisherId: 'publisher',
  }
}
