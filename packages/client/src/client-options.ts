/**
 * What a client is made with: presets of the contract, and what an application says beside them.
 */
import type { IClientOptions } from 'mqtt'
import { ClientError } from './client-error.ts'

export type Qos = 0 | 1 | 2
export type PresetName = 'desktop' | 'mobile' | 'agent' | 'server'

export interface Preset {
  readonly protocolVersion: 4 | 5
  readonly keepAlive: number
  /** The first wait before a reconnect; each further one is longer. */
  readonly reconnectPeriodMs: number
  readonly connectTimeoutMs: number
  readonly maxReconnectAttempts: number
  readonly publishQos: Qos
  readonly subscribeQos: Qos
  readonly queueCountMax: number
  /** Which message goes when the queue is full. */
  readonly queueDrops: 'oldest' | 'newest'
  readonly requestTimeoutMs: number
  /** 0: messages do not expire. */
  readonly messageExpirySeconds: number
}

const DESKTOP: Preset = {
  protocolVersion: 5,
  keepAlive: 60,
  reconnectPeriodMs: 5_000,
  connectTimeoutMs: 30_000,
  maxReconnectAttempts: 50,
  publishQos: 0,
  subscribeQos: 1,
  queueCountMax: 1_000,
  queueDrops: 'oldest',
  requestTimeoutMs: 30_000,
  messageExpirySeconds: 0,
}

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  desktop: DESKTOP,
  // MQTT 3.1.1: nothing renews in place there; a refresh extends the connection all the same.
  mobile: {
    ...DESKTOP,
    protocolVersion: 4,
    reconnectPeriodMs: 10_000,
    publishQos: 1,
    queueCountMax: 500,
  },
  agent: {
    ...DESKTOP,
    keepAlive: 30,
    reconnectPeriodMs: 2_000,
    connectTimeoutMs: 15_000,
    maxReconnectAttempts: 100,
    publishQos: 1,
    queueCountMax: 5_000,
    queueDrops: 'newest',
    messageExpirySeconds: 300,
  },
  server: {
    ...DESKTOP,
    keepAlive: 30,
    reconnectPeriodMs: 1_000,
    connectTimeoutMs: 10_000,
    maxReconnectAttempts: Number.POSITIVE_INFINITY,
    publishQos: 1,
    queueCountMax: 10_000,
    queueDrops: 'newest',
    requestTimeoutMs: 60_000,
  },
}

export interface ClientOptions extends Partial<Preset> {
  /** `auto` looks at where it runs: Node and Bun are `server`, phones `mobile`, else `desktop`. */
  readonly preset?: PresetName | 'auto'
  /** `wss://realtime.example.com/mqtt`; a page that the server itself serves may leave it out. */
  readonly host?: string
  /** `https://realtime.example.com`; the host of the broker unless given. */
  readonly tokenServiceUrl?: string
  readonly autoRefresh?: boolean
  /** A token is renewed at least so long before it expires, if it lives long enough. */
  readonly refreshBufferSeconds?: number
  readonly maxRefreshRetries?: number
  /** One of this client alone; random unless given. One that is given keeps its session. */
  readonly clientId?: string
  /** How long the broker keeps subscriptions and messages while there is no connection. */
  readonly sessionExpirySeconds?: number
  readonly willTopic?: string
  readonly willMessage?: string
  readonly willQos?: Qos
  readonly willRetain?: boolean
  /** What only Node and Bun know: certificate authorities and the like. */
  readonly transport?: Pick<IClientOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>
}

/** What may also be said where one connects. */
export type ConnectOptions = Pick<
  ClientOptions,
  'host' | 'tokenServiceUrl' | 'clientId' | 'willTopic' | 'willMessage' | 'willQos' | 'willRetain'
>

export interface Settings extends Preset {
  /** Undefined: it has to be said where one connects. */
  readonly host: string | undefined
  readonly tokenServiceUrl: string | undefined
  readonly autoRefresh: boolean
  readonly refreshBufferMs: number
  readonly maxRefreshRetries: number
  readonly clientId: string
  readonly hasOwnClientId: boolean
  readonly sessionExpirySeconds: number
  readonly will: IClientOptions['will']
  readonly transport: NonNullable<ClientOptions['transport']>
}

/** What is said of this place; absent outside of browsers. */
export interface Place {
  readonly userAgent: string | undefined
  readonly origin: string | undefined
}

const CLIENT_ID_CHARACTERS = 16
const SESSION_EXPIRY_SECONDS = 300
const REFRESH_BUFFER_SECONDS = 60
const REFRESH_RETRIES = 3
/** Our bound; a longer list of tries is a loop. */
const REFRESH_RETRIES_MAX = 20
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789'

export function here(): Place {
  const { navigator, location } = globalThis as unknown as {
    readonly navigator?: { readonly userAgent?: string }
    readonly location?: { readonly origin?: string }
  }
  // Node and Bun have a `navigator`, too, but no place that a page came from.
  const isPage = /^https?:/.test(location?.origin ?? '')
  const isBrowser = isPage || /^(?!node|bun)/i.test(navigator?.userAgent ?? 'node')
  return {
    userAgent: isBrowser ? (navigator?.userAgent ?? '') : undefined,
    origin: isPage ? location?.origin : undefined,
  }
}

/** @throws {@link ClientError} `options_invalid` for what cannot work, before anything is sent. */
export function settingsOf(options: ClientOptions, place: Place, random: () => number): Settings {
  const name = options.preset ?? 'auto'
  const preset = PRESETS[name === 'auto' ? presetOf(place) : name]
  if (preset === undefined) throw invalid('preset is desktop, mobile, agent, server or auto')
  const host = hostOf(options.host, place)
  const { willTopic, willMessage, willQos = 0, willRetain = false } = options
  const hasWill = willTopic !== undefined && willMessage !== undefined
  const retries = options.maxRefreshRetries ?? REFRESH_RETRIES
  return {
    ...preset,
    ...given(options, preset),
    host,
    tokenServiceUrl: serviceOf(options.tokenServiceUrl ?? host),
    autoRefresh: options.autoRefresh ?? true,
    refreshBufferMs: (options.refreshBufferSeconds ?? REFRESH_BUFFER_SECONDS) * 1_000,
    maxRefreshRetries: Math.min(Math.max(retries, 0), REFRESH_RETRIES_MAX),
    clientId: options.clientId ?? `lg_${randomName(random)}`,
    hasOwnClientId: options.clientId !== undefined,
    sessionExpirySeconds: options.sessionExpirySeconds ?? SESSION_EXPIRY_SECONDS,
    will: hasWill
      ? {
          topic: willTopic,
          // MQTT.js takes text as it is; its types know bytes alone.
          payload: willMessage as unknown as Buffer,
          qos: willQos,
          retain: willRetain,
        }
      : undefined,
    transport: options.transport ?? {},
  }
}

/**
 * What is said where one connects goes before what the client was made with; a random client
 * identifier stays.
 * @throws ClientError `options_invalid`
 */
export function mergedSettings(
  made: { readonly options: ClientOptions; readonly settings: Settings },
  said: ConnectOptions,
): Settings {
  const { host, tokenServiceUrl, clientId, willTopic, willMessage, willQos, willRetain } = said
  const named = { host, tokenServiceUrl, clientId, willTopic, willMessage, willQos, willRetain }
  const known = Object.entries(named).filter(([, value]) => value !== undefined)
  const options: ClientOptions = { ...made.options, ...Object.fromEntries(known) }
  const merged = settingsOf(options, here(), () => 0)
  if (merged.host === undefined) {
    throw invalid('host is missing, such as wss://realtime.example.com/mqtt')
  }
  return merged.hasOwnClientId ? merged : { ...merged, clientId: made.settings.clientId }
}

function presetOf({ userAgent }: Place): PresetName {
  if (userAgent === undefined) return 'server'
  return /android|iphone|ipad|ipod/i.test(userAgent) ? 'mobile' : 'desktop'
}

/** Those of a preset that the application says itself. */
function given(options: ClientOptions, preset: Preset): Partial<Preset> {
  const names = Object.keys(preset) as (keyof Preset)[]
  const said = names.filter((name) => options[name] !== undefined)
  return Object.fromEntries(said.map((name) => [name, options[name]]))
}

function hostOf(text: string | undefined, { origin }: Place): string | undefined {
  const named = text ?? origin?.replace(/^http/, 'ws')
  if (named === undefined) return undefined
  const full = named.includes('://') ? named : `wss://${named}`
  if (!URL.canParse(full) || !/^(?:wss?|mqtts?):/.test(full)) {
    throw invalid('host is an address that begins wss://, ws://, mqtts:// or mqtt://')
  }
  const url = new URL(full)
  if (url.username !== '' || url.password !== '') {
    throw invalid('host holds no credentials: give them to connect')
  }
  return full
}

/** Without a slash at the end; of a broker's address its scheme for HTTP, at the usual port. */
function serviceOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const isBroker = /^(?:wss?|mqtts?):/.test(text)
  if (!isBroker) {
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
      throw invalid('tokenServiceUrl is an address that begins https://')
    }
    return text.replace(/\/+$/, '')
  }
  const { protocol, host, hostname } = new URL(text)
  const scheme = /^(?:wss|mqtts):$/.test(protocol) ? 'https' : 'http'
  // The port of MQTT over TCP is not the one of HTTP.
  return `${scheme}://${protocol.startsWith('ws') ? host : hostname}`
}

function randomName(random: () => number): string {
  const letters = Array.from(
    { length: CLIENT_ID_CHARACTERS },
    () => ALPHABET[Math.floor(random() * ALPHABET.length)],
  )
  return letters.join('')
}

function invalid(reason: string): ClientError {
  return new ClientError('options_invalid', { reason })
}
