/** The text of docs/webhook-events.md: each event with its body in both forms, made by our code. */
import { pusherWebhookBody } from '../packages/protocol/src/webhooks/pusher.ts'
import {
  WEBHOOK_EVENTS,
  type WebhookEvent,
  type WebhookEventType,
} from '../packages/protocol/src/webhooks/webhook-events.ts'
import type { LiveEvent, LiveEventDetails } from '../packages/server/src/core/live-events.ts'
import { DELIVERY_BODY_BYTES_MAX } from '../packages/server/src/outbound/webhooks/outgoing.ts'
import {
  pusherTextOf,
  standardBodyOf,
} from '../packages/server/src/outbound/webhooks/webhook-bodies.ts'

const HEAD = `<!-- Written by scripts/docs.ts from the table of webhook events: npm run fix. -->

# What webhooks tell

An endpoint asks for events by name, and gets those of its app; a prefix and a suffix choose among
channels. Events that are opt-in are as many as connections or messages: ask for them when you mean it.

- **Departures wait three seconds.** Who is back in time was never away, and neither the departure nor
  the return is told. When the server stops, what waits is told at once.
- **Floods are counted.** Of denials and limits the first of each reason or limit is told, then one a
  minute with the \`count\` of those since, the first of which it describes.
- **A publish is answered when its webhook is durable.** Where an endpoint asks for \`message.published\`,
  the HTTP call is answered once the webhook is in the queue on disk, and with 503 when it cannot be put
  there; it was delivered to subscribers then, and its webhook is tried again. Events of sockets are
  queued within a twentieth of a second and hold nobody up.
- **Nothing is dropped in silence.** While the queue is out, bodies wait in memory within a bound; what
  finds no place is counted (\`lockgate_webhook_bodies_lost_total\`), logged and told to operators. What
  the queue refuses, because too much waits for the endpoint or the body is larger than
  ${DELIVERY_BODY_BYTES_MAX} bytes, is counted and told there too, and the publish is answered with 200.
- **No secret is in a body**, and no credential is named by more than its id.

| Event | Pusher form | Opt-in | When |
| --- | --- | --- | --- |
`

const AT_MS = Date.UTC(2027, 0, 2, 3, 4, 5, 678)
const CHANNEL = { channel: 'presence-room' }
const MEMBER = { ...CHANNEL, userId: '7' }
const MESSAGE = { ...CHANNEL, event: 'client-typing', data: '{"on":true}' }
const CONNECTION = { connectionId: '2512.7801', protocol: 'pusher', ip: '203.0.113.7' }
const DENIAL = {
  reason: 'unauthenticated',
  ip: '203.0.113.7',
  protocol: 'http',
  target: { kind: 'signing_secret', id: 'cred_8f2kPq0xTzLr5WcVb1nM' },
}
const LIMIT = {
  limit: 'publish.user',
  scope: 'user',
  subject: '7',
  used: 10,
  quota: 10,
  windowMs: 1000,
  resetMs: 420,
  count: 1,
  isShadow: false,
}
const CREDENTIAL = {
  action: 'secret.rotated',
  credentialId: 'cred_8f2kPq0xTzLr5WcVb1nM',
  kind: 'signing_secret',
  versionId: 'ver_Zk3mB7tQ9xLc2VwRn5Hd',
}
const ALERT = { rule: 'auth-failures', subject: 'app', count: 51, threshold: 50, windowMs: 60_000 }

const DETAILS: { readonly [T in keyof LiveEventDetails]?: LiveEventDetails[T] } = {
  'channel.occupied': CHANNEL,
  'channel.vacated': CHANNEL,
  'presence.enter': MEMBER,
  'presence.leave': MEMBER,
  cache_miss: { channel: 'cache-prices' },
  subscription_count: { channel: 'news', subscriptionCount: 3 },
  client_event: { ...MESSAGE, connectionId: '2512.7801', userId: '7' },
  'message.published': { channel: 'news', event: 'article', data: '{"id":1}' },
  'connection.opened': CONNECTION,
  'connection.closed': { ...CONNECTION, durationMs: 65_400, reason: 'client' },
  'auth.failed': DENIAL,
  'auth.denied': { ...DENIAL, reason: 'origin_refused' },
  'rate_limit.exceeded': LIMIT,
  'rate_limit.warned': { ...LIMIT, used: 8, resetMs: 310 },
  'credential.changed': CREDENTIAL,
  'webhook.disabled': { endpointId: 'whe_4nT8sQ1vXc6LpZ0rMk3B', reason: 'gone' },
  'provider.failed': { provider: 'smtp', credentialId: undefined },
  'alert.raised': ALERT,
  'alert.resolved': ALERT,
}

const COUNTED: ReadonlySet<WebhookEventType> = new Set([
  'auth.failed',
  'auth.denied',
  'rate_limit.exceeded',
  'rate_limit.warned',
])

export function webhookEventsPage(): string {
  const rows = WEBHOOK_EVENTS.map(tableRow).join('\n')
  const examples = WEBHOOK_EVENTS.map(bodies).join('\n')
  return `${HEAD}${rows}\n\n## Bodies\n\n${BODIES}\n${examples}`
}

const BODIES = `The Standard form has one event in a body; the Pusher form up to a hundred of a short turn, with the
fields that Pusher's libraries read. \`protocol\` is what was spoken, \`reason\` a code of a refusal or
\`client\`, and times end in \`Ms\` where they are milliseconds.
`

function tableRow({ type, pusherName, isOptIn, description }: WebhookEvent): string {
  const name = pusherName === undefined ? '' : `\`${pusherName}\``
  return `| \`${type}\` | ${name} | ${isOptIn ? 'yes' : ''} | ${description} |`
}

function bodies({ type }: WebhookEvent): string {
  const event = exampleOf(type)
  const standard = standardBodyOf(type, event, COUNTED.has(type) ? 1 : undefined)
  const text = pusherTextOf(event)
  const pusher = text === undefined ? [] : [pusherWebhookBody(AT_MS, [text])]
  const blocks = [standard, ...pusher].map(indented)
  return `### ${type}\n\n${blocks.map((block) => `\`\`\`json\n${block}\n\`\`\`\n`).join('\n')}`
}

function indented(body: string): string {
  const parsed: unknown = JSON.parse(body)
  return JSON.stringify(parsed, undefined, 2)
}

function exampleOf(type: WebhookEventType): LiveEvent {
  const source = type === 'credential.rotated' ? 'credential.changed' : type
  const details = DETAILS[source]
  if (details === undefined) throw new Error(`${type} has no example: give one here`)
  return { type: source, atMs: AT_MS, tenantId: 'tenant', appId: 'app', details } as LiveEvent
}
