/**
 * What webhooks can tell, once: the name an endpoint asks for, the name and fields of the Pusher
 * form where that has one (contract Sockudo, 1H.1), and what it means. Pure.
 */

interface WebhookEventRow {
  /** `type` of the Standard form. */
  readonly type: string
  /** `name` of the Pusher form; undefined: it has no such event. */
  readonly pusherName: string | undefined
  /** As many as messages or connections: asked for by name, never part of "all". */
  readonly isOptIn: boolean
  /** Has a channel, so that an endpoint's prefix and suffix choose among them. */
  readonly hasChannel: boolean
  readonly description: string
}

const ofApp = (description: string) =>
  ({ pusherName: undefined, isOptIn: false, hasChannel: false, description }) as const

const ofChannel = (pusherName: string | undefined, description: string) =>
  ({ pusherName, isOptIn: false, hasChannel: true, description }) as const

const optIn = <R extends object>(row: R) => ({ ...row, isOptIn: true }) as const

const ROWS = {
  'channel.occupied': ofChannel('channel_occupied', 'The first subscriber of a channel came.'),
  'channel.vacated': ofChannel(
    'channel_vacated',
    'The last subscriber left, and nobody came back for three seconds.',
  ),
  'presence.enter': ofChannel(
    'member_added',
    'The first connection of a user joined a presence channel.',
  ),
  'presence.leave': ofChannel(
    'member_removed',
    'The last connection of a user left, and the user was not back within three seconds.',
  ),
  cache_miss: ofChannel('cache_miss', 'Somebody joined a cache channel that holds no event.'),
  subscription_count: ofChannel(
    'subscription_count',
    'The number of subscribers changed; of a hundred and more told every five seconds.',
  ),
  client_event: optIn(
    ofChannel('client_event', 'A client sent an event to the others of a channel.'),
  ),
  'message.published': optIn(
    ofChannel(
      undefined,
      'A server published an event; its call is answered once the webhook is durable.',
    ),
  ),
  'connection.opened': optIn(ofApp('A client connected.')),
  'connection.closed': optIn(ofApp('A connection ended: why, and how long it was there.')),
  'auth.failed': ofApp(
    'Credentials or signatures that do not hold; one a minute for each reason, with a count.',
  ),
  'auth.denied': ofApp(
    'Some that hold and may not do this; one a minute for each reason, with a count.',
  ),
  'rate_limit.exceeded': ofApp(
    'A limit refused something; one a minute for each limit, with a count.',
  ),
  'rate_limit.warned': ofApp(
    'Four fifths of a limit are used; one a minute for each limit, with a count.',
  ),
  'credential.changed': ofApp(
    'A credential of the app changed; `action` is that of the audit log.',
  ),
  'credential.rotated': ofApp(
    'A new version took over: the part of credential.changed that consumers follow.',
  ),
  'webhook.disabled': ofApp('Another endpoint of the app gets nothing any more, and why.'),
  'provider.failed': ofApp('A provider refuses a credential that the app gave for it.'),
  'alert.raised': ofApp('An alert rule of the app holds.'),
  'alert.resolved': ofApp('It holds no more.'),
} as const satisfies Record<string, Omit<WebhookEventRow, 'type'>>

/** What an endpoint can ask for. */
export type WebhookEventType = keyof typeof ROWS

export interface WebhookEvent extends WebhookEventRow {
  readonly type: WebhookEventType
}

/** In the order people are shown them. */
export const WEBHOOK_EVENTS: readonly WebhookEvent[] = Object.entries(ROWS).map(
  ([type, described]) => ({ type: type as WebhookEventType, ...described }),
)

export const WEBHOOK_EVENT_TYPES: readonly WebhookEventType[] = WEBHOOK_EVENTS.map(
  ({ type }) => type,
)

/** @returns undefined for a name that is none. */
export function findWebhookEvent(type: string): WebhookEvent | undefined {
  return WEBHOOK_EVENTS.find((event) => event.type === type)
}

/** What an endpoint of a form may ask for: the Pusher form has fewer events. */
export function isOfferedIn(form: 'pusher' | 'standard', type: string): boolean {
  const event = findWebhookEvent(type)
  return event !== undefined && (form === 'standard' || event.pusherName !== undefined)
}
