/**
 * One wSocket connection. Contract wSocket 1 to 6. A machine without I/O: frames and time come in,
 * frames and at most one close go out. Frames are taken one at a time: while one waits for the
 * store, those after it wait, so that answers keep their order.
 */
import { type ClientFrame, decodeClientFrame } from '@lockgate/protocol/wsocket/codec'
import type { AppSpace } from '../../core/app-space.ts'
import type { SignedInUser, Subscription } from '../../core/connection.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { RuledConnection } from '../../core/rules/rule-changes.ts'
import type { Source } from '../../core/source.ts'
import { admitApp } from '../../credentials/app-directory.ts'
import { ChannelAuthority } from '../../credentials/messages/channel-authority.ts'
import type { MessageIdentity } from '../../credentials/messages/message-identity.ts'
import type { Frame, PacedOutbox } from '../../ports/fanout.ts'
import { Outage } from '../../ports/outage.ts'
import type { Inflow, Session } from '../session.ts'
import { aboutOf, act } from './actions.ts'
import { type About, Answers } from './answers.ts'
import type { WSocketClient } from './client.ts'
import { wsocketEncoder } from './encoder.ts'
import { endOf, userOf } from '../lifetime.ts'
import { MalformedFrames } from './malformed-frames.ts'
import { type AckedConnection, OrderedAcks } from './ordered-acks.ts'
import { ResumeTokens } from './resume-tokens.ts'
import { keepAllowed } from './subscribing.ts'
import { WaitingFrames } from './waiting-frames.ts'
import { farewell } from './wire-refusals.ts'
import type { WSocketDeps } from './wsocket-deps.ts'
import { WSocketLimits } from './wsocket-limits.ts'

/** Channels are those of messages, in `channels`. */
const NO_SUBSCRIPTIONS: ReadonlyMap<string, Subscription> = new Map()
/** An end may be moved closer, so the time is looked at again at the latest after this. */
const TICK_MS_MAX = 30_000

export interface WSocketStart {
  /** Fresh and not guessable. */
  readonly id: string
  readonly outbox: PacedOutbox
  readonly inflow: Inflow
  readonly space: AppSpace
  readonly identity: MessageIdentity
  readonly source: Source
  /** When it was asked who this is, monotonic. */
  readonly askedAtMs: number
}

export class WSocketSession implements Session, WSocketClient, RuledConnection, AckedConnection {
  readonly protocol = 'wsocket'
  readonly encoder = wsocketEncoder
  readonly subscriptions = NO_SUBSCRIPTIONS
  readonly channels = new Set<string>()
  readonly id: string
  readonly outbox: PacedOutbox
  readonly source: Source
  readonly openedAtMs: number
  readonly clientId: string
  readonly ownerKey: string
  readonly deps: WSocketDeps
  readonly space: AppSpace
  readonly identity: MessageIdentity
  readonly authority: ChannelAuthority
  readonly answers: Answers
  readonly limits: WSocketLimits
  readonly acks: OrderedAcks
  readonly resumeTokens: ResumeTokens
  user: SignedInUser | undefined
  endedBy: RefusalCode | undefined
  readonly #start: WSocketStart
  readonly #openedAtEpochMs: number
  readonly #malformed = new MalformedFrames()
  readonly #waiting = new WaitingFrames()
  #roomWaiters: (() => void)[] = []
  #state: 'new' | 'open' | 'ended' | 'gone' = 'new'
  #isBusy = false
  #isPaused = false

  constructor(start: WSocketStart, deps: WSocketDeps) {
    const { id, outbox, source, space, identity } = start
    this.id = id
    this.outbox = outbox
    this.source = source
    this.space = space
    this.identity = identity
    this.deps = deps
    this.#start = start
    this.openedAtMs = deps.clock.monotonicMs()
    this.#openedAtEpochMs = deps.clock.nowMs()
    this.clientId = identity.clientId ?? id
    // Many hold the same key: what nobody is named for belongs to the connection alone.
    this.ownerKey = identity.clientId === undefined ? `connection:${id}` : identity.owner
    this.authority = new ChannelAuthority(identity, this.clientId, deps.rules)
    this.answers = new Answers(outbox, deps)
    this.limits = new WSocketLimits(this, deps)
    this.acks = new OrderedAcks(this)
    this.resumeTokens = new ResumeTokens(this, deps)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get openedBy(): readonly Reliance[] {
    return this.identity.reliances
  }

  /** No hello from either side (contract 1). */
  open(): void {
    const { hub } = this.deps
    const refusal = this.#hasEndedMeanwhile()
      ? 'credential_revoked'
      : this.limits.connectTo(this.space)?.refusal
    this.#state = 'open'
    if (refusal !== undefined) return void this.end(refusal)
    hub.connect(this.space, this)
    const user = userOf(this.identity)
    if (user !== undefined) hub.recognize(this.space, this, user)
  }

  receive(frame: Frame): void {
    if (this.#state !== 'open') return
    // Contract 1: text frames only; an error, then 1003.
    if (typeof frame !== 'string') return void this.end('frame_malformed')
    if (!this.#isHeld) return this.#take(frame)
    if (!this.#waiting.add(frame)) this.end('rate_limited')
  }

  /** The transport pings, and ends who does not answer. */
  heard(): void {}

  writable(): void {
    for (const goOn of this.#roomWaiters.splice(0)) goOn()
  }

  /** What is replayed waits until its reader has read what was sent before. */
  whenRoom(): Promise<void> | undefined {
    if (this.#state !== 'open' || this.outbox.hasRoom) return undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#roomWaiters.push(resolve)
    return promise
  }

  tick(nowMs: number): number {
    if (this.#state !== 'open') return Number.POSITIVE_INFINITY
    this.resumeTokens.tick()
    const { expiry } = this.space.app.settings
    const endsAtMs = endOf(this.identity.expiresAtMs(), expiry, this.#openedAtEpochMs)
    if (endsAtMs === undefined) return nowMs + TICK_MS_MAX
    const leftMs = endsAtMs - this.deps.clock.nowMs()
    if (leftMs <= 0) this.end('token_expired')
    return nowMs + Math.min(leftMs, TICK_MS_MAX)
  }

  end(refusal: RefusalCode): boolean {
    if (this.#state === 'ended' || this.#state === 'gone') return false
    const told = this.#toldAs(refusal)
    this.#over()
    this.endedBy = told
    this.deps.tally.refused(told)
    this.deps.hub.detach(this.space, this)
    const { code, reason, frame } = farewell(told)
    this.outbox.close(code, reason, frame)
    return true
  }

  closed(): void {
    if (this.#state === 'gone') return
    const { hub, messages } = this.deps
    const wasIn = this.#state !== 'new'
    this.resumeTokens.left(mayReturn(this.endedBy) ? 'may_return' : 'ended')
    this.#over()
    this.#state = 'gone'
    if (!wasIn) return
    messages.disconnect(this.space, this)
    hub.disconnect(this.space, this)
  }

  /** Rules, or the scopes of its key, say something else now. */
  rulesChanged(): number {
    const { messages } = this.deps
    const heldCount = this.channels.size + messages.presentOn(this.space, this).length
    this.authority.rulesChanged()
    if (this.#state === 'open') keepAllowed(this)
    return heldCount
  }

  send(frame: string): void {
    this.outbox.send(frame)
  }

  lessWaits(): void {
    this.#goOn()
  }

  /** The journal has logged an outage once; a thousand messages of each client may wait. */
  notWritten(error: unknown): void {
    if (!(error instanceof Outage)) this.#failed(error, {})
  }

  #take(text: string): void {
    const decoded = decodeClientFrame(text)
    if (decoded.ok) return this.#run(decoded.value)
    const { refusal, detail, channel, id } = decoded
    const about = { channel, id }
    if (refusal === 'action_unknown') return this.answers.refuse(refusal, about, detail)
    this.answers.malformed(
      refusal === 'json_invalid' ? 'invalid_json' : 'invalid_frame',
      about,
      detail,
    )
    if (this.#malformed.add(this.deps.clock.monotonicMs())) this.end('frames_malformed_repeatedly')
  }

  #run(frame: ClientFrame): void {
    const about = aboutOf(frame)
    try {
      const outcome = act(this, frame)
      if (!(outcome instanceof Promise)) return this.#pace()
      this.#isBusy = true
      this.#pace()
      outcome
        .catch((error: unknown) => this.#failed(error, about))
        .then(() => {
          this.#isBusy = false
          this.#goOn()
        })
        .catch((error: unknown) => this.#failed(error, about))
    } catch (error) {
      this.#failed(error, about)
    }
  }

  get #isHeld(): boolean {
    return this.#isBusy || this.acks.isFull
  }

  #goOn(): void {
    while (this.#state === 'open' && !this.#isHeld) {
      const next = this.#waiting.next()
      if (next === undefined) break
      this.#take(next)
    }
    this.#pace()
  }

  #pace(): void {
    const isToPause = this.#isHeld && this.#state === 'open'
    if (isToPause === this.#isPaused) return
    this.#isPaused = isToPause
    if (isToPause) this.#start.inflow.pause()
    else this.#start.inflow.resume()
  }

  /** An outage is told to who asked; a bug ends this connection alone. */
  #failed(error: unknown, about: About): void {
    if (error instanceof Outage) {
      this.deps.log.error('session_outage', error, { port: error.port, code: error.code })
      if (about.channel !== undefined) this.answers.refuse('unavailable', about)
      return
    }
    this.deps.tally.bugs++
    this.deps.log.error('session_bug', error)
    this.end('internal')
  }

  /** Nobody is found in the hub before; what closes connections did not reach this one. */
  #hasEndedMeanwhile(): boolean {
    const { id: appId, tenantId } = this.space.app
    const all = [relianceOn({ kind: 'app', appId }), relianceOn({ kind: 'tenant', tenantId })]
    return this.deps.hub.ended.hasEnded([...this.openedBy, ...all], this.#start.askedAtMs)
  }

  /** Who lost the key is told 4401, who lost the app or its tenant 4403. */
  #toldAs(refusal: RefusalCode): RefusalCode {
    if (refusal !== 'authority_revoked') return refusal
    const { directory, clock } = this.deps
    const loaded = directory.findById(this.space.app.id)
    if (loaded === undefined) return 'app_unknown'
    const admitted = admitApp(loaded, clock.nowMs())
    return admitted.ok ? refusal : admitted.refusal
  }

  #over(): void {
    this.#state = 'ended'
    this.#waiting.clear()
    this.acks.clear()
    this.writable()
    this.#pace()
  }
}

/** Whose credential or app has ended does not come back as who it was. */
function mayReturn(endedBy: RefusalCode | undefined): boolean {
  if (endedBy === undefined) return true
  const { code } = farewell(endedBy)
  return code < 4400 || code === 4408
}
