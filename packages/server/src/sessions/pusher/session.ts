/**
 * One Pusher connection, protocol 5 to 7. Contract parts 1A to 1F. A machine without I/O: frames
 * and time come in, frames and at most one close go out. Every field of a client is checked before
 * it is used.
 */
import { isLongerThan } from '@lockgate/protocol/bytes'
import {
  needsSignature,
  parseChannelName,
  userChannelName,
} from '@lockgate/protocol/pusher/channel-name'
import { decodeClientFrame } from '@lockgate/protocol/pusher/codec'
import * as frames from '@lockgate/protocol/pusher/frames'
import { channelStringToSign, userStringToSign } from '@lockgate/protocol/pusher/signature'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { authorize, type ConnectionPrincipal } from '../../core/acl.ts'
import type { AppSpace } from '../../core/app-space.ts'
import type { ChannelConnection, SignedInUser, Subscription } from '../../core/connection.ts'
import type { Hub, JoinedChannel } from '../../core/hub.ts'
import { type Limited, readingOf } from '../../core/limits/limit-refusal.ts'
import type { Member } from '../../core/presence.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { Tally } from '../../core/tally.ts'
import type { Frame, Outbox } from '../../ports/fanout.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { RecordUse } from '../../credentials/use-recorder.ts'
import type { Session } from '../session.ts'
import { confirmJoined } from './confirmation.ts'
import { pusherEncoder } from './encoder.ts'
import { Liveness, type PusherTimes } from './liveness.ts'
import { type ProofContext, provenBy, toldRefusal } from './proof.ts'
import { SessionLimits, type SessionLimitsDeps } from './session-limits.ts'
import { readMember, readUser } from './signed-content.ts'
import { farewell, limitFarewell, PUSHER_REFUSALS, subscriptionErrorData } from './wire-refusals.ts'

/** Our bound: after this many malformed messages the connection ends. */
export const MALFORMED_FRAME_COUNT_MAX = 10

export interface PusherDeps extends SessionLimitsDeps {
  readonly hub: Hub
  readonly tally: Tally
  readonly times: PusherTimes
  /** Told of every signature that a version of the app made, accepted or not. */
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
}

export interface PusherStart {
  /** The socket id: two decimal numbers with a dot, fresh and not guessable. */
  readonly id: string
  readonly outbox: Outbox
  readonly space: AppSpace
  /** Of the app key the client came with. */
  readonly credentialId: string
  readonly source: Source
}

type ClientFrameOf<K extends frames.ClientFrame['kind']> = Extract<frames.ClientFrame, { kind: K }>

export class PusherSession implements Session, ChannelConnection, ConnectionPrincipal {
  readonly kind = 'connection'
  readonly protocol = 'pusher'
  readonly encoder = pusherEncoder
  readonly id: string
  readonly outbox: Outbox
  readonly source: Source
  readonly openedAtMs: number
  readonly openedBy: readonly Reliance[]
  readonly subscriptions = new Map<string, Subscription>()
  user: SignedInUser | undefined
  endedBy: RefusalCode | undefined
  signedChannel: string | undefined
  readonly #space: AppSpace
  readonly #deps: PusherDeps
  #state: 'open' | 'ended' | 'gone' = 'open'
  #malformedCount = 0
  readonly #liveness: Liveness
  readonly #limits: SessionLimits
  readonly #proof: ProofContext

  constructor(start: PusherStart, deps: PusherDeps) {
    this.id = start.id
    this.outbox = start.outbox
    this.source = start.source
    this.openedAtMs = deps.clock.monotonicMs()
    this.openedBy = [relianceOn({ kind: 'credential', credentialId: start.credentialId })]
    this.#proof = { ...deps, space: start.space, source: start.source }
    this.#space = start.space
    this.#deps = deps
    this.#liveness = new Liveness(deps.times, this.openedAtMs)
    this.#limits = new SessionLimits(start, deps)
  }

  get settings(): AppSettings {
    return this.#space.app.settings
  }

  get userId(): string | undefined {
    return this.user?.id
  }

  isSubscribed(channel: string): boolean {
    return this.subscriptions.has(channel)
  }

  open(): void {
    this.#deps.hub.connect(this.#space, this)
    const seconds = Math.max(1, Math.floor(this.#deps.times.activityTimeoutMs / 1000))
    this.outbox.send(frames.connectionEstablished(this.id, seconds))
  }

  receive(frame: Frame): void {
    if (this.#state !== 'open') return
    const nowMs = this.#deps.clock.monotonicMs()
    this.#liveness.heard(nowMs)
    if (typeof frame !== 'string')
      return this.#malformed('frame_malformed', 'Send text, not binary.')
    const decoded = decodeClientFrame(frame)
    if (!decoded.ok) return this.#malformed(decoded.refusal, decoded.detail)
    this.#handle(decoded.value, nowMs)
  }

  /** A control ping or pong of the WebSocket layer counts as a sign of life (contract 1A.3). */
  heard(): void {
    this.#liveness.heard(this.#deps.clock.monotonicMs())
  }

  tick(nowMs: number): number {
    if (this.#state !== 'open') return Number.POSITIVE_INFINITY
    const due = this.#liveness.check(nowMs, this.settings)
    if (due === 'ping') this.outbox.send(frames.PING)
    else if (due !== undefined) this.end(due)
    return this.#liveness.nextCheckMs(this.settings)
  }

  end(refusal: RefusalCode, { code, reason, frame } = farewell(refusal)): boolean {
    if (this.#state !== 'open') return false
    this.#state = 'ended'
    this.endedBy = refusal
    this.#deps.tally.refused(refusal)
    this.#deps.hub.detach(this.#space, this)
    this.outbox.close(code, reason, frame)
    return true
  }

  closed(): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#deps.hub.disconnect(this.#space, this)
  }

  #handle(frame: frames.ClientFrame, nowMs: number): void {
    if (frame.kind === 'ping') return this.outbox.send(frames.PONG)
    if (frame.kind === 'pong') return
    this.#liveness.used(nowMs)
    switch (frame.kind) {
      case 'subscribe':
        return this.#subscribe(frame)
      case 'unsubscribe':
        return this.#deps.hub.unsubscribe(this.#space, this, frame.channel)
      case 'signin':
        return this.#signIn(frame)
      case 'client_event':
        return this.#sendClientEvent(frame)
      default:
        frame satisfies never
    }
  }

  #subscribe(frame: ClientFrameOf<'subscribe'>): void {
    const outcome = this.#trySubscribe(frame)
    if (outcome.ok) return
    this.#deps.tally.refused(outcome.refusal)
    this.outbox.send(frames.subscriptionError(frame.channel, subscriptionErrorData(outcome)))
  }

  #trySubscribe(frame: ClientFrameOf<'subscribe'>): Limited<true> {
    const channel = parseChannelName(frame.channel)
    if (!channel.ok) return channel
    const { name, kind } = channel.value
    const { auth, channelData } = frame
    const text = channelStringToSign(this.id, name, channelData)
    const given = { auth, text, refusal: 'signature_invalid' as const }
    const restsOn = needsSignature(kind) ? provenBy(given, this.#proof) : undefined
    const isSigned = restsOn !== undefined
    this.signedChannel = isSigned ? name : undefined
    const allowed = authorize(this, 'subscribe', channel.value)
    this.signedChannel = undefined
    if (!allowed.ok) return this.#limits.refusedProof(allowed) ?? toldRefusal(allowed, this.#proof)
    const limited = this.#limits.subscribe(name, this.subscriptions)
    if (limited !== undefined) return limited
    const member = kind === 'presence' ? this.#memberFrom(channelData) : ok(undefined)
    if (!member.ok) return member
    const confirm = (joined: JoinedChannel) => confirmJoined(this.outbox, name, joined)
    const request = { channel: channel.value, member: member.value, restsOn, confirm }
    const joined = this.#deps.hub.subscribe(this.#space, this, request)
    if (joined.ok && isSigned) this.#liveness.authorized()
    return joined
  }

  /** Without `channel_data` a signed-in connection is present as its user (contract 1B.4). */
  #memberFrom(channelData: string | undefined): Result<Member, RefusalCode> {
    if (channelData !== undefined) {
      return readMember(channelData, this.settings.presenceMemberBytesMax)
    }
    if (this.user === undefined) return refuse('member_malformed')
    return ok({ userId: this.user.id, userInfo: this.user.info })
  }

  #signIn(frame: ClientFrameOf<'signin'>): void {
    const text = userStringToSign(this.id, frame.userData)
    const refusal = 'sign_in_invalid' as const
    const restsOn = provenBy({ auth: frame.auth, text, refusal }, this.#proof)
    const read = restsOn === undefined ? refuse(refusal) : readUser(frame.userData)
    if (!read.ok) {
      this.#limits.refusedProof(read)
      return void this.end(read.refusal)
    }
    const { user, isWatchlistCut } = read.value
    const success = () => this.outbox.send(frames.signinSuccess(frame.userData))
    if (this.user?.id === user.id) {
      this.user = { ...this.user, restsOn }
      return success()
    }
    if (this.user !== undefined) return this.#refuse('signed_in_already')
    const full = this.#limits.signIn(user.id)
    if (full !== undefined) return void this.end(full.refusal, limitFarewell(full))
    const isWatching = this.settings.watchlist
    const watchlist = isWatching ? user.watchlist : []
    this.#liveness.authorized()
    const request = { user: { ...user, watchlist, restsOn }, confirm: success }
    this.#deps.hub.signIn(this.#space, this, request)
    if (isWatching && isWatchlistCut) this.#refuse('watchlist_long')
    this.#joinUserChannel(user.id)
  }

  /** Server-to-user events reach every connection of the user, subscribed or not (contract 1D). */
  #joinUserChannel(userId: string): void {
    const channel = parseChannelName(userChannelName(userId))
    if (!channel.ok) return
    const request = {
      channel: channel.value,
      member: undefined,
      restsOn: undefined,
      confirm: () => {},
    }
    const joined = this.#deps.hub.subscribe(this.#space, this, request)
    if (!joined.ok) this.#refuse(joined.refusal)
  }

  #sendClientEvent(frame: ClientFrameOf<'client_event'>): void {
    const outcome = this.#trySendClientEvent(frame)
    if (outcome.ok) return
    const reading = readingOf(outcome)
    if (reading === undefined) return this.#refuse(outcome.refusal, outcome.detail)
    this.#deps.tally.refused(outcome.refusal)
    this.#limits.tellRefused(reading)
  }

  #trySendClientEvent(frame: ClientFrameOf<'client_event'>): Limited<true> {
    const channel = parseChannelName(frame.channel)
    if (!channel.ok) return channel
    const allowed = authorize(this, 'publish', channel.value)
    if (!allowed.ok) return allowed
    if (isLongerThan(frame.data, this.settings.eventDataBytesMax)) return refuse('event_data_large')
    if (!this.#deps.hub.hasRoom()) return refuse('overloaded')
    const userId = this.subscriptions.get(frame.channel)?.userKey
    const limited = this.#limits.publish(frame, userId)
    if (limited !== undefined) return limited
    this.#deps.tally.clientEvents++
    this.#deps.hub.publish(this.#space, {
      channel: channel.value,
      event: frame.event,
      data: frame.data,
      origin: 'client',
      userId,
      exceptConnectionId: this.id,
    })
    return ok(true)
  }

  #malformed(refusal: RefusalCode, detail: string | undefined): void {
    this.#malformedCount++
    const isRepeated = this.#malformedCount > MALFORMED_FRAME_COUNT_MAX
    if (isRepeated) this.end('frames_malformed_repeatedly')
    else this.#refuse(refusal, detail)
  }

  #refuse(refusal: RefusalCode, detail?: string): void {
    this.#deps.tally.refused(refusal)
    const text = detail ?? REFUSALS[refusal].text
    this.outbox.send(frames.errorFrame(PUSHER_REFUSALS[refusal].errorCode, text))
  }
}
