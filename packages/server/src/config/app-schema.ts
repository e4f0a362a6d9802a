/**
 * The rows of `tenants[]` and `tenants[].apps[]`: same kinds as `schema.ts`, file only.
 * A field of `AppSettings` without a row does not compile.
 */
import type { AppSettings } from '../ports/store.ts'
import { deepFreeze, defaultOf } from './settings.ts'
import type { Setting, SettingFor, TextSetting } from './settings.ts'

/** Our bounds; `SIGNING_KEY_COUNT_MAX` covers a rotation with several stages. */
export const SIGNING_KEY_COUNT_MAX = 16
export const ORIGIN_COUNT_MAX = 100

const identifier = { type: 'text', pattern: /^[A-Za-z0-9_-]{1,64}$/, default: undefined } as const
const identifierShape = '1 to 64 of `A-Z a-z 0-9 _ -`'
const label = {
  type: 'text',
  shape: 'text of 1 to 100 characters',
  pattern: /^(?=.*\S)[^\p{Cc}\p{Cs}]{1,100}$/u,
  default: undefined,
} as const

export const TENANT_FIELDS = {
  id: {
    type: 'text',
    shape: 'a UUID',
    pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
    default: undefined,
    does: 'Names the tenant for ever; write any new UUID.',
    prevents: 'The same file applied twice meets the same tenant.',
  },
  shortId: {
    type: 'text',
    shape: '`org_` and 12 of `a-z 2-9`',
    pattern: /^org_[a-z2-9]{12}$/,
    default: undefined,
    does: 'The short name of the same tenant in paths.',
    prevents: 'Without 0 and 1 it can be read aloud and typed.',
  },
  name: {
    ...label,
    does: 'What people call the tenant.',
    prevents: 'Has no meaning to the server.',
  },
} as const satisfies Record<string, TextSetting>

/** The fields of one `key`/`secret` pair, in the app itself or in its `keys` list. */
export const SIGNING_KEY_FIELDS = {
  key: {
    ...identifier,
    shape: identifierShape,
    does: 'The public app key that clients connect with.',
    prevents: 'Unique over all apps, so a key says which app is meant.',
  },
  secret: {
    type: 'text',
    shape: '1 to 256 printable characters without spaces',
    pattern: /^[!-~]{1,256}$/,
    default: undefined,
    isSecret: true,
    does: 'The secret that signs channel subscriptions and HTTP calls.',
    prevents: 'Production asks for at least 16 characters that are not well known.',
  },
} as const satisfies Record<string, TextSetting>

export const APP_FIELDS = {
  id: {
    ...identifier,
    shape: identifierShape,
    does: 'The app id of the HTTP API.',
    prevents: 'Unique over all tenants, because the API names no tenant.',
  },
  name: { ...label, does: 'What people call the app.', prevents: 'Unique inside its tenant.' },
  plan: {
    type: 'choice',
    values: ['unlimited'],
    default: 'unlimited',
    does: 'The named limits of the app; `unlimited` leaves only the bounds below.',
    prevents: 'An unknown plan would silently mean no limits.',
  },
  region: {
    type: 'choice',
    values: ['local'],
    default: 'local',
    does: 'Where the records of the app live; set once.',
    prevents: 'An unknown region would put records in the wrong place.',
  },
} as const satisfies Record<string, Setting>

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
    type: 'origins',
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
    does: 'The most client events one connection may send in a second.',
    prevents: 'One client cannot flood a channel.',
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
}

/** Settings of an app that declares none; frozen. The demo app and new apps start from these. */
export const DEFAULT_APP_SETTINGS: AppSettings = deepFreeze(
  Object.fromEntries(
    Object.entries(APP_SETTINGS).map(([key, row]) => [key, defaultOf(row, 'development')]),
  ) as unknown as AppSettings,
)
