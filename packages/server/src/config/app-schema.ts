/**
 * The settings of an app, in `tenants[].apps[]`: same kinds as `schema.ts`, file only.
 * A field of `AppSettings` without a row does not compile.
 */
import type { AppSettings } from '../ports/records/app.ts'
import { DOCUMENT_SETTINGS, MESSAGE_SETTINGS } from './app-schema-parts.ts'
import { deepFreeze, defaultOf, type SettingFor } from './settings.ts'

export const APP_SETTINGS: { readonly [K in keyof AppSettings]: SettingFor<AppSettings[K]> } = {
  enabled: {
    type: 'boolean',
    default: true,
    does: 'Whether the app takes connections and calls at all.',
    prevents: 'An app can be stopped without being deleted.',
  },
  requireTls: {
    type: 'boolean',
    default: false,
    does: 'Refuses connections that did not come over TLS.',
    prevents: 'Keys and events do not travel in clear text.',
  },
  clientMessages: {
    type: 'boolean',
    default: false,
    does: 'Whether clients may send `client-` events to each other.',
    prevents: 'Off, only the holder of the secret can publish.',
  },
  subscriptionCount: {
    type: 'boolean',
    default: false,
    does: 'Whether subscribers are told how many they are.',
    prevents: 'Off, the size of an audience is not disclosed.',
  },
  watchlist: {
    type: 'boolean',
    default: false,
    does: 'Whether signed-in users can watch who is online.',
    prevents: 'Off, being online is not disclosed.',
  },
  requireAuthorization: {
    type: 'boolean',
    default: false,
    does: 'Closes connections that neither sign in nor join an authorized channel in time.',
    prevents: 'Holders of nothing but the public key cannot stay connected.',
  },
  authorizationTimeoutMs: {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 600_000,
    default: 30_000,
    does: 'How long `requireAuthorization` waits.',
    prevents: 'Idle strangers do not hold connections.',
  },
  allowedOrigins: {
    type: 'list',
    of: 'origins',
    countMax: 100,
    default: [],
    does: 'Web origins that may connect: `scheme://host[:port]`, `https://*.host`; none means any.',
    prevents: 'Other web sites cannot use the app; production asks for a list.',
  },
  dangerousAnyOrigin: {
    type: 'boolean',
    default: false,
    does: 'Says in production that every web origin may connect.',
    prevents: 'An app is never open to every site by omission.',
  },
  missingOrigin: {
    type: 'choice',
    values: ['allow', 'deny'],
    default: 'allow',
    does: 'What a connection without an Origin header gets while `allowedOrigins` is not empty.',
    prevents: '`deny` keeps out clients that are not browsers; anyone can leave the header out.',
  },
  originRefusal: {
    type: 'choice',
    values: ['http', 'close'],
    default: 'http',
    does: 'Refuses an origin with status 403, or with close code 4009 after the upgrade.',
    prevents: '`close` makes clients stop that would otherwise try again for ever.',
  },
  rejectReplays: {
    type: 'boolean',
    default: false,
    does: 'Refuses a second signed call with the same signature.',
    prevents: 'A recorded call cannot be sent again inside the timestamp window.',
  },
  connectionCountMax: {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 10_000_000,
    default: 100_000,
    does: 'The most connections of this app at a time.',
    prevents: 'One app cannot use up the connections of the others.',
  },
  clientEventsPerSecondMax: {
    type: 'integer',
    unit: 'per second',
    min: 1,
    max: 100_000,
    default: 10,
    does:
      'The most client events one connection may send in a second, where no limit ' +
      '`client_events.connection` says more.',
    prevents: 'One client cannot flood a channel.',
  },
  limits: {
    type: 'list',
    of: 'app limits',
    countMax: 50,
    default: [],
    does:
      'Limits of the app, such as `publish.user 10/1s`, `publish.channel 100/1m shadow` or ' +
      '`connections.user 20`; see docs/limits.md.',
    prevents: 'They narrow what the installation and the plan allow, and never widen it.',
  },
  eventDataBytesMax: {
    type: 'integer',
    unit: 'bytes',
    min: 1,
    max: 102_400,
    default: 10_240,
    does: 'The largest data of one event.',
    prevents: 'A single event cannot fill the queues of every subscriber.',
  },
  presenceMemberCountMax: {
    type: 'integer',
    unit: 'count',
    min: 1,
    max: 10_000,
    default: 100,
    does: 'The most users in one presence channel.',
    prevents: 'The member list that every newcomer gets stays small.',
  },
  presenceMemberBytesMax: {
    type: 'integer',
    unit: 'bytes',
    min: 1,
    max: 65_536,
    default: 2_048,
    does: 'The largest data of one presence member.',
    prevents: 'Joining cannot send a large profile to every other member.',
  },
  cacheTtlMs: {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 604_800_000,
    default: 1_800_000,
    does: 'How long a cache channel keeps its last event.',
    prevents: 'Forgotten channels do not hold memory for ever.',
  },
  jwtTtlMaxMs: {
    type: 'integer',
    unit: 'ms',
    min: 1_000,
    max: 86_400_000,
    default: 86_400_000,
    does: 'The longest life of a token your own backend signs for this app.',
    prevents: 'A token that leaked ends within a day, whatever its backend wrote into it.',
  },
  expiry: {
    type: 'choice',
    values: ['enforce', 'handshake'],
    default: 'enforce',
    does:
      'Whether a connection ends 30 seconds after the token it came by, or one that took its ' +
      'place; with `handshake` it lasts, a day at most.',
    prevents: 'A token that is not renewed gives no access beyond its end.',
  },
  mqttPayloadBytesMax: {
    type: 'integer',
    unit: 'bytes',
    min: 1,
    max: 16_777_216,
    default: 262_144,
    does: 'The largest payload of one message over MQTT; `mqtt.packetBytesMax` bounds the packet.',
    prevents: 'A single message cannot fill the queues of every subscriber.',
  },
  mqttDeniedPublish: {
    type: 'choice',
    values: ['drop', 'disconnect'],
    default: 'drop',
    does:
      'What becomes of a message that rules deny where its packet cannot be told so: QoS 0, and ' +
      'MQTT 3.1.1.',
    prevents: '`disconnect` leaves nobody in the belief that it was delivered.',
  },
  mqttLimitedPublish: {
    type: 'choice',
    values: ['drop', 'disconnect'],
    default: 'drop',
    does: 'The same for one that a limit or `mqttPayloadBytesMax` refuses.',
    prevents: '`disconnect` makes a client that floods notice.',
  },
  jwtRoles: {
    type: 'list',
    of: 'roles',
    countMax: 50,
    default: [],
    does:
      'Named permissions for the `role` of such a token: a name and scopes, such as ' +
      '`editor publish:doc:* subscribe:doc:*`.',
    prevents: 'A role that is not in the list refuses the token, so a name never means too much.',
  },
  organizationDefault: {
    type: 'boolean',
    default: false,
    does:
      'Makes this the app that the id of its organization stands for; where no app says so, it ' +
      'is the one that was made first.',
    prevents: 'Clients that name an organization only never land in another app by chance.',
  },
  mqttUsersInBrowsers: {
    type: 'choice',
    values: ['allow', 'deny'],
    default: 'deny',
    does: 'Whether pages may connect as MQTT users, or with an `sk` or `rk` key, over MQTT.',
    prevents: 'What anybody can read in a page is no permanent secret; mint tokens for pages.',
  },
  tokenTtlMaxMs: {
    type: 'integer',
    unit: 'ms',
    min: 60_000,
    max: 86_400_000,
    default: 86_400_000,
    does: 'The longest life of a connection token that is not refreshed.',
    prevents: 'A token that leaked ends soon, whatever `ttl` was asked for.',
  },
  tokenLineageMaxMs: {
    type: 'integer',
    unit: 'ms',
    min: 60_000,
    max: 2_592_000_000,
    default: 86_400_000,
    does: 'How long a connection token can be refreshed before a new one has to be minted.',
    prevents: 'A client that was let in once comes back to your own sign-in.',
  },
  tokenReplaceDisconnects: {
    type: 'boolean',
    default: false,
    does: 'Whether a connection token that is replaced closes its open connections at once.',
    prevents: 'On, a user has one session; off, open connections stay until their own end.',
  },
  tokenReuseRevokes: {
    type: 'boolean',
    default: false,
    does: 'Whether an old password that is used to refresh ends the token and its connections.',
    prevents: 'On, a thief who refreshes is found out by the next refresh of the owner.',
  },
  bridges: {
    type: 'list',
    of: 'bridges',
    countMax: 20,
    default: [],
    does:
      'Topics of MQTT and channels of Pusher that are one: messages of the one are events of the ' +
      'other, such as `rooms/+/chat <-> private-room-$1 message`.',
    prevents: 'Nothing crosses from one protocol to the other that was not declared.',
  },
  ...MESSAGE_SETTINGS,
  ...DOCUMENT_SETTINGS,
}

/** Settings of an app that declares none; frozen. The demo app and new apps start from these. */
export const DEFAULT_APP_SETTINGS: AppSettings = deepFreeze(
  Object.fromEntries(
    Object.entries(APP_SETTINGS).map(([key, row]) => [key, defaultOf(row, 'development')]),
  ) as unknown as AppSettings,
)
