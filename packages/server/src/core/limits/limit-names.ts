/**
 * Every limit there is: a name `what.scope`, what it counts, and what holds where nobody says
 * otherwise. The names are public: they stand in settings, tokens, answers, events and the audit.
 * Pure.
 */
import type { LimitKind } from './limit-kind.ts'

/** What one node counted is a good guess while the others cannot be heard. */
const OF_APP = { setBy: 'app', default: undefined, onOutage: 'local' } as const
const OF_INSTALLATION = { setBy: 'installation', onOutage: 'local' } as const
/** What costs little is not refused because nobody can count. */
const OF_DATA_PLANE = {
  ...OF_INSTALLATION,
  onOutage: 'open',
  unit: 'requests',
  scope: 'ip',
} as const
const MINUTE_MS = 60_000

export const LIMITS = {
  'connect.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    // A company behind one address comes back within a minute after a restart.
    default: { quota: 3_000, windowMs: MINUTE_MS },
    does: 'Attempts to connect from one address, or one /64 of IPv6.',
  },
  'connect.range': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'range',
    // A flood comes from many addresses, each of which stays below its own limit.
    default: { quota: 6_000, windowMs: MINUTE_MS },
    does: 'Attempts to connect from one network: a /24 of IPv4, a /48 of IPv6.',
  },
  'auth.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    default: { quota: 12_000, windowMs: MINUTE_MS },
    does: 'Tokens asked for, and proofs that did not hold, from one address.',
  },
  'auth.user': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'user',
    default: { quota: 6_000, windowMs: MINUTE_MS },
    does: 'Tokens asked for, and proofs that did not hold, by one client or user.',
  },
  'publish.app': {
    ...OF_APP,
    unit: 'requests',
    scope: 'app',
    does: 'Messages published in one app, by servers and clients.',
  },
  'publish.channel': {
    ...OF_APP,
    unit: 'requests',
    scope: 'channel',
    does: 'Messages published into one channel.',
  },
  'publish.user': {
    ...OF_APP,
    unit: 'requests',
    scope: 'user',
    does: 'Messages published by one user, over all connections.',
  },
  'subscribe.app': {
    ...OF_APP,
    unit: 'requests',
    scope: 'app',
    does: 'Subscriptions asked for in one app.',
  },
  'subscribe.channel': {
    ...OF_APP,
    unit: 'requests',
    scope: 'channel',
    does: 'Subscriptions asked for to one channel.',
  },
  'subscribe.user': {
    ...OF_APP,
    unit: 'requests',
    scope: 'user',
    does: 'Subscriptions asked for by one user, over all connections.',
  },
  'client_events.connection': {
    ...OF_APP,
    unit: 'requests',
    scope: 'connection',
    default: { quota: 10, windowMs: 1_000 }, // as Pusher documents
    does: 'Client events sent on one connection.',
  },
  'http_publish.app': {
    ...OF_APP,
    unit: 'requests',
    scope: 'app',
    does: 'Requests to publish over HTTP, by app.',
  },
  'message_bytes.app': {
    ...OF_APP,
    unit: 'content-bytes',
    scope: 'app',
    does: 'Bytes of data published in one app, before they are multiplied by receivers.',
  },
  'webhook_retries.endpoint': {
    ...OF_APP,
    unit: 'requests',
    scope: 'endpoint',
    default: { quota: 1_200, windowMs: MINUTE_MS },
    does: 'Webhook deliveries tried again, by endpoint.',
  },
  'push_register.tenant': {
    ...OF_APP,
    unit: 'requests',
    scope: 'tenant',
    default: { quota: 600, windowMs: MINUTE_MS },
    does: 'Devices registered for push, by tenant.',
  },
  'push_publish.tenant': {
    ...OF_APP,
    unit: 'requests',
    scope: 'tenant',
    default: { quota: 6_000, windowMs: MINUTE_MS },
    does: 'Push messages accepted, by tenant.',
  },
  'push_publish.workflow': {
    ...OF_APP,
    unit: 'requests',
    scope: 'workflow',
    default: { quota: 600, windowMs: MINUTE_MS },
    does: 'Push messages accepted, by workflow.',
  },
  'connections.app': {
    ...OF_APP,
    unit: 'concurrent',
    scope: 'app',
    does: 'Connections of one app at a time.',
  },
  'connections.user': {
    ...OF_APP,
    unit: 'concurrent',
    scope: 'user',
    does: 'Connections of one user at a time.',
  },
  'subscriptions.connection': {
    ...OF_APP,
    unit: 'concurrent',
    scope: 'connection',
    does: 'Channels one connection is subscribed to at a time.',
  },
  'jwks.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    default: { quota: 20, windowMs: 10 * MINUTE_MS },
    does: 'Key sets fetched from one address.',
  },
  // The four policies of contract WireSocket 8, each with a count of its own.
  'documents_connect.ip': {
    ...OF_DATA_PLANE,
    default: { quota: 60, windowMs: MINUTE_MS },
    does: 'Editors that connect to documents from one address, let in or not.',
  },
  'discovery.ip': {
    ...OF_DATA_PLANE,
    default: { quota: 60, windowMs: MINUTE_MS },
    does: 'Questions from one address where a document is.',
  },
  'usage.ip': {
    ...OF_DATA_PLANE,
    default: { quota: 12, windowMs: MINUTE_MS },
    does: 'Questions from one address how much of its plan an app uses.',
  },
  'health.ip': {
    ...OF_DATA_PLANE,
    default: { quota: 600, windowMs: MINUTE_MS },
    does: 'Questions from one address how the server is.',
  },
  'oauth_failures.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    default: { quota: 60, windowMs: MINUTE_MS },
    does: 'Wrong proofs of clients at the OAuth endpoints, from one address.',
  },
  'oauth_failures.client': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'client',
    default: { quota: 120, windowMs: MINUTE_MS },
    does: 'Wrong proofs under one client id at the OAuth endpoints.',
  },
  'oauth_families.app': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'app',
    default: { quota: 1_200, windowMs: MINUTE_MS },
    does: 'Refresh token families begun by one app; each is kept for days.',
  },
  'oauth_revocations.app': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'app',
    default: { quota: 600, windowMs: MINUTE_MS },
    does: 'Tokens revoked by one app; each is remembered until nothing rests on it.',
  },
  'token_create.app': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'app',
    default: { quota: 60_000, windowMs: MINUTE_MS },
    does: 'Connection tokens minted with the keys of one app.',
  },
  'token_exchange.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    // A company behind one address signs in within a minute in the morning.
    default: { quota: 3_000, windowMs: MINUTE_MS },
    does: 'Tokens of identity providers brought for exchange from one address.',
  },
  'token_exchange.app': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'app',
    default: { quota: 60_000, windowMs: MINUTE_MS },
    does: 'Connection tokens of one app that identity providers have vouched for.',
  },
  'token_refresh.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    default: { quota: 6_000, windowMs: MINUTE_MS },
    does: 'Connection tokens refreshed from one address.',
  },
  'token_refresh.token': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'token',
    // SDKs that fail try four times in 15 s.
    default: { quota: 20, windowMs: MINUTE_MS },
    does: 'Refreshes of one connection token, by who holds a password of it.',
  },
  'rest_publish.credential': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'credential',
    // A hundred a second, in bursts of two hundred (contract CloudSignal 8).
    default: { quota: 200, windowMs: 2_000 },
    does: 'Messages published to topics over HTTP with one key, or by whom a token is for.',
  },
  'admin_failures.ip': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'ip',
    default: { quota: 60, windowMs: MINUTE_MS },
    does: 'Wrong operator keys from one address.',
  },
  'demo_publish.app': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'app',
    default: { quota: 10, windowMs: 1_000 },
    does: 'Events sent from the demo page.',
  },
  'admin_calls.credential': {
    ...OF_INSTALLATION,
    unit: 'requests',
    scope: 'credential',
    default: { quota: 1_200, windowMs: MINUTE_MS },
    does: 'Calls to the administration with one operator key.',
  },
} as const satisfies Readonly<Record<string, LimitKind>>

export type LimitName = keyof typeof LIMITS

/** Names of the limits that count what is there at a time; the engine does not know these. */
export type ConcurrentLimitName = {
  [N in LimitName]: (typeof LIMITS)[N]['unit'] extends 'concurrent' ? N : never
}[LimitName]

/** Names of the limits that have a window. */
export type WindowLimitName = Exclude<LimitName, ConcurrentLimitName>

export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[] // the keys of the table

export function isLimitName(text: string): text is LimitName {
  return Object.hasOwn(LIMITS, text)
}

/** @returns the row of `name`, in the shape all rows have. */
export function limitKind(name: LimitName): LimitKind {
  return LIMITS[name]
}

export function isConcurrent(name: LimitName): name is ConcurrentLimitName {
  return LIMITS[name].unit === 'concurrent'
}
