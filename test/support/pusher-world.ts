/** One app, one hub and Pusher sessions without sockets, on a clock that tests move. */
import { createHmac } from 'node:crypto'
import { Hub } from '../../packages/server/src/core/hub.ts'
import { LiveEvents } from '../../packages/server/src/core/live-events.ts'
import { Tally } from '../../packages/server/src/core/tally.ts'
import { AppDirectory } from '../../packages/server/src/credentials/app-directory.ts'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import { PusherSession } from '../../packages/server/src/sessions/pusher/session.ts'
import type { DeniedAttempt } from '../../packages/server/src/credentials/audit/denied-access.ts'
import type { Use } from '../../packages/server/src/credentials/use-recorder.ts'
import { guardWorld } from './guard-world.ts'
import { loadedApp } from './loaded-app.ts'
import { RecordingFanout, RecordingOutbox } from './recording-fanout.ts'

export const KEY = 'test-key'
export const SECRET = 'test-secret'
export const SECOND_KEY = 'second-key'
export const SECOND_SECRET = 'second-secret'

export const OPEN_SETTINGS: AppSettings = {
  enabled: true,
  requireTls: false,
  clientMessages: true,
  subscriptionCount: true,
  watchlist: true,
  requireAuthorization: false,
  authorizationTimeoutMs: 30_000,
  allowedOrigins: [],
  dangerousAnyOrigin: false,
  missingOrigin: 'allow',
  originRefusal: 'http',
  rejectReplays: false,
  connectionCountMax: 1_000,
  clientEventsPerSecondMax: 10,
  eventDataBytesMax: 10_240,
  presenceMemberCountMax: 3,
  presenceMemberBytesMax: 2_048,
  cacheTtlMs: 1_800_000,
  jwtTtlMaxMs: 86_400_000,
  jwtRoles: [],
  expiry: 'enforce',
  mqttPayloadBytesMax: 262_144,
  mqttDeniedPublish: 'drop',
  mqttLimitedPublish: 'drop',
  organizationDefault: false,
  mqttUsersInBrowsers: 'deny',
  limits: [],
  tokenTtlMaxMs: 86_400_000,
  tokenLineageMaxMs: 86_400_000,
  tokenReplaceDisconnects: false,
  tokenReuseRevokes: false,
  bridges: [],
  history: ['** 7d'],
  historyBytesMax: 1_073_741_824,
  messageBytesMax: 65_536,
  echo: true,
  presenceGraceMs: 10_000,
  resumeMessageCountMax: 1_000,
  resumeWindowMs: 120_000,
  resumeTokens: 'client',
  documentPersistence: false,
  documentRetentionDays: 0,
  documentBytesMax: 67_108_864,
  documentExpiry: 'handshake',
  documentCloseCodes: 'wiresocket',
  documentOriginRefusal: 'http',
}

const SOURCE = { ip: '192.0.2.1', agent: 'test', protocol: 'pusher' }

const IDLE_BROKER = {
  publish() {},
  hasListeners: () => false,
  subscribe: () => () => {},
  close: () => Promise.resolve(),
}

/** @param guardTexts limits of the installation. */
export function pusherWorld(
  overrides: Partial<AppSettings> = {},
  guardTexts: readonly string[] = [],
) {
  const time = { ms: 1_000_000 }
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const tally = new Tally()
  const fanout = new RecordingFanout()
  const limits = { subscriptionCountMax: 20, channelCountMax: 50 }
  const events = new LiveEvents()
  const hub = new Hub(limits, { fanout, broker: IDLE_BROKER, clock, tally, events })
  const directory = new AppDirectory()
  const loaded = loadedApp({
    settings: { ...OPEN_SETTINGS, ...overrides },
    signingKeys: [
      { key: KEY, secret: SECRET },
      { key: SECOND_KEY, secret: SECOND_SECRET },
    ],
  })
  directory.put(loaded)
  const space = hub.space(loaded.app)
  const uses: Use[] = []
  const recordUse = (use: Use) => void uses.push(use)
  const denials: DeniedAttempt[] = []
  const recordDenial = (attempt: DeniedAttempt) => void denials.push(attempt)
  const times = { activityTimeoutMs: 120_000, pongTimeoutMs: 30_000 }
  const guarded = guardWorld(clock, guardTexts, events)
  const deps = { hub, directory, clock, tally, times, recordUse, recordDenial, ...guarded }
  const start = { space, credentialId: `cred_${KEY}`, source: SOURCE }
  let count = 0
  const connect = () => {
    const outbox = new RecordingOutbox()
    const session = new PusherSession({ ...start, id: `1.${++count}`, outbox }, deps)
    session.open()
    outbox.take()
    return new Client(session, outbox)
  }
  return {
    hub,
    events,
    space,
    tally,
    fanout,
    directory,
    clock,
    time,
    connect,
    loaded,
    uses,
    denials,
    ...guarded,
  }
}

export type World = ReturnType<typeof pusherWorld>

/** Speaks for one client: frames in as objects, frames out parsed. */
export class Client {
  readonly session: PusherSession
  readonly outbox: RecordingOutbox

  constructor(session: PusherSession, outbox: RecordingOutbox) {
    this.session = session
    this.outbox = outbox
  }

  send(frame: unknown): Record<string, unknown>[] {
    this.session.receive(JSON.stringify(frame))
    return this.outbox.take()
  }

  /** Subscribes with a valid signature; `channelData` only where given. */
  subscribe(channel: string, channelData?: string): Record<string, unknown>[] {
    this.session.receive(subscribeFrame(this, channel, channelData))
    return this.outbox.take()
  }

  signIn(user: unknown): Record<string, unknown>[] {
    const userData = JSON.stringify(user)
    const auth = sign(`${this.session.id}::user::${userData}`)
    return this.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
  }

  events(): unknown[] {
    return this.outbox.take().map((frame) => frame['event'])
  }
}

/** @returns the text of a subscribe frame with a valid signature. */
export function subscribeFrame(client: Client, channel: string, channelData?: string): string {
  const parts = [client.session.id, channel, ...(channelData === undefined ? [] : [channelData])]
  const data = { channel, auth: sign(parts.join(':')), channel_data: channelData }
  return JSON.stringify({ event: 'pusher:subscribe', data })
}

export function sign(text: string, key = KEY, secret = SECRET): string {
  return `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`
}
