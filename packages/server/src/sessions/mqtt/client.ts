/**
 * An MQTT client that was let in: what it may, what it is told, and its place in the hub. The state
 * of its session outlives it and is apart (`state/`). A machine without I/O.
 */
import { encodePacket } from '@lockgate/protocol/mqtt/encode'
import type { ClientPacket } from '@lockgate/protocol/mqtt/packets'
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { AppSpace } from '../../core/app-space.ts'
import type { Connection, SignedInUser, Subscription } from '../../core/connection.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { LayeredRules } from '../../core/rules/layered-rules.ts'
import type { Source } from '../../core/source.ts'
import type { TopicDelivery, TopicGrant } from '../../core/topics/topic-subscriber.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import { acknowledgement } from './answers.ts'
import type { ClientSocket, ClientStart, Ending } from './client-socket.ts'
import type { ConnectTerms } from './connect-terms.ts'
import type { MqttDeps } from './mqtt-deps.ts'
import { takeDisconnect } from './leaving.ts'
import { MqttLimits } from './mqtt-limits.ts'
import { type AnsweredConnection, OrderedAnswers } from './ordered-answers.ts'
import { endOf, userOf } from '../lifetime.ts'
import { PublishWriter } from './publish-writer.ts'
import { takePublish, takePubrec, takePubrel } from './publishing.ts'
import { ReadingPace } from './reading-pace.ts'
import { Renewal } from './renewal.ts'
import { RetainedSending } from './retained-sending.ts'
import type { ClientLink, Sending } from './state/client-link.ts'
import type { ClientState } from './state/client-state.ts'
import type { Claimed } from './state/session-claim.ts'
import { SubscriptionDesk } from './subscribing.ts'
import { IncomingAliases } from './topic-aliases.ts'

/** Channels are of other protocols. */
const NO_SUBSCRIPTIONS: ReadonlyMap<string, Subscription> = new Map()
/** Of a session that holds nothing no rule is asked. */
const NOTHING_TO_TAKE = { maySubscribe: () => false }
const PINGRESP = encodePacket({ kind: 'pingresp' }, 4)

export class MqttClient implements Connection, ClientLink, AnsweredConnection {
  readonly protocol = 'mqtt'
  readonly id: string
  readonly source: Source
  readonly openedAtMs: number
  readonly subscriptions = NO_SUBSCRIPTIONS
  user: SignedInUser | undefined
  endedBy: RefusalCode | undefined
  readonly start: ClientStart
  readonly deps: MqttDeps
  readonly space: AppSpace
  identity: MqttIdentity
  /** Refused filters in a row. */
  refusedFilterCount = 0
  readonly socket: ClientSocket
  /** Its session was there before: what the client sends may be said again. */
  isResumed = false
  readonly #openedAtEpochMs: number
  /** From here on what is made at first need: most clients are silent, and there are many. */
  #answers: OrderedAnswers | undefined
  #pace: ReadingPace | undefined
  #writer: PublishWriter | undefined
  #kept: { readonly rules: LayeredRules; readonly limits: MqttLimits } | undefined
  #state: ClientState | undefined
  #aliases: IncomingAliases | undefined
  #retained: RetainedSending | undefined
  #renewal: Renewal | undefined

  constructor(start: ClientStart, socket: ClientSocket, deps: MqttDeps) {
    const { id, identity, source } = start
    this.id = id
    this.source = source
    this.start = start
    this.deps = deps
    this.socket = socket
    this.identity = identity
    this.openedAtMs = deps.clock.monotonicMs()
    this.#openedAtEpochMs = deps.clock.nowMs()
    this.space = deps.hub.space(identity.loaded.app)
  }

  /** What it may, as it is now. */
  get rules(): LayeredRules {
    return this.#kept?.rules ?? this.deps.rules.rulesFor(this.identity, this.terms.clientId)
  }

  get limits(): MqttLimits {
    return this.#kept?.limits ?? new MqttLimits(this, this.deps)
  }

  /** Both, at hand for the next time too: whoever publishes does it again. */
  kept() {
    this.#kept ??= { rules: this.rules, limits: this.limits }
    return this.#kept
  }

  get terms(): ConnectTerms {
    return this.start.terms
  }

  get openedBy(): readonly Reliance[] {
    return this.identity.reliances
  }

  get state(): ClientState {
    if (this.#state === undefined) throw new Error('a client without a session')
    return this.#state
  }

  /** So much of it waits that no more is read. */
  get isHeld(): boolean {
    return this.#pace?.isHeld === true
  }

  get receiveMaximum(): number {
    return this.terms.receiveMaximum
  }

  get hasRoom(): boolean {
    return this.socket.outbox.hasRoom
  }

  /** Enters the hub with its session. */
  begin({ state, sessionPresent }: Claimed): void {
    const { deps, space } = this
    this.#state = state
    this.isResumed = sessionPresent
    deps.figures.connects++
    deps.hub.connect(space, this)
    const user = userOf(this.identity)
    if (user !== undefined) deps.hub.recognize(space, this, user)
  }

  receive(packet: ClientPacket): void {
    switch (packet.kind) {
      case 'publish':
        return takePublish(this, packet)
      case 'puback':
        this.state.acknowledged(packet.packetId, packet.reason)
        return this.#pumpRetained()
      case 'pubrec':
        return takePubrec(this, packet)
      case 'pubrel':
        return takePubrel(this, packet)
      case 'pubcomp':
        this.state.completed(packet.packetId)
        return this.#pumpRetained()
      case 'subscribe':
        return new SubscriptionDesk(this).subscribe(packet)
      case 'unsubscribe':
        return new SubscriptionDesk(this).unsubscribe(packet)
      case 'pingreq':
        return this.send(PINGRESP)
      case 'disconnect':
        return takeDisconnect(this, packet)
      case 'auth':
        this.#renewal ??= new Renewal(this)
        return this.#renewal.receive(packet)
      case 'connect':
        return this.violated(REASON.protocolError, 'A client connects once.') // [MQTT-3.1.0-2]
      default:
        packet satisfies never
    }
  }

  end(refusal: RefusalCode, ending?: Ending): boolean {
    return this.socket.finish(refusal, ending)
  }

  /** What came breaks the protocol (§4.13). */
  violated(reason: ReasonCode, text: string): void {
    this.end('protocol_violated', { reason, text })
  }

  send(frame: Uint8Array): void {
    this.socket.outbox.send(frame)
  }

  /**
   * Sends an answer in its turn, once what it promises is written.
   * @param writeCount of the journal before it was promised.
   */
  answer(frame: Uint8Array, writeCount: number, afterwards?: () => void): void {
    // [MQTT-3.1.2-24]: a SUBACK cannot be cut, so such a client asks for fewer filters at a time.
    if (frame.length > this.terms.packetBytesMax) return void this.end('packet_large')
    const { journal } = this.state
    const written = journal.writeCount === writeCount ? undefined : journal.settled()
    if (written === undefined && this.#answers === undefined) {
      this.send(frame)
      afterwards?.()
      return
    }
    const { answers, pace } = this.#paced()
    answers.answer({ frame, afterwards }, written)
    pace.answered(written === undefined ? 'unwritten' : 'written')
  }

  /** A packet that has no answer was taken; `writeCount` as in {@link answer}. */
  unanswered(writeCount: number): void {
    if (this.state.journal.writeCount !== writeCount) this.#paced().pace.unanswered(writeCount)
  }

  notWritten(): void {
    this.end('unavailable')
  }

  lessWaits(): void {
    this.#pace?.lessWaits()
  }

  sendPublish(delivery: TopicDelivery, packetId: number, sending: Sending): boolean {
    this.#writer ??= new PublishWriter(this.terms, this.deps.frames)
    const frame = this.#writer.write(delivery, packetId, sending)
    if (frame !== undefined) this.send(frame)
    return frame !== undefined
  }

  sendPubrel(packetId: number, reason: ReasonCode = REASON.success): void {
    this.send(acknowledgement('pubrel', { packetId, reason }, this.terms))
  }

  takenOver(): void {
    this.end('session_taken_over')
  }

  /** There is room in the outbox again. */
  writable(): void {
    this.#state?.pump()
    this.#pumpRetained()
  }

  /** Retained messages for new subscriptions. */
  sendRetained(grants: readonly TopicGrant[]): void {
    this.#retained ??= new RetainedSending(this)
    for (const grant of grants) this.#retained.add(grant)
    this.#pumpRetained()
  }

  forgetRetained(filter: string): void {
    this.#retained?.remove(filter)
  }

  /** @returns the topic a PUBLISH is for; undefined: it broke the protocol, and that is over. */
  resolveAlias(topic: string, alias: number | undefined): string | undefined {
    if (alias === undefined) return topic
    this.#aliases ??= new IncomingAliases(this.deps.settings.topicAliasCountMax)
    const resolved = this.#aliases.resolve(topic, alias)
    if (resolved.ok) return resolved.value
    this.violated(resolved.refusal, 'The topic alias stands for nothing, or is too high.')
    return undefined
  }

  /** @returns epoch; undefined: the connection has no end of its own (decision 16). */
  endsAtMs(): number | undefined {
    return endOf(this.identity.expiresAtMs(), this.space.app.settings.expiry, this.#openedAtEpochMs)
  }

  /** The same principal by another credential: session and subscriptions stay. */
  renewed(identity: MqttIdentity): void {
    this.identity = identity
    this.user = userOf(identity)
    this.deps.figures.renewals++
    this.rulesChanged()
  }

  /** What is lost is taken away, the rest stays. */
  rulesChanged(): number {
    const heldCount = this.#state?.grants.size ?? 0
    this.#kept = undefined
    if (this.#state !== undefined) new SubscriptionDesk(this).keepAllowed()
    return heldCount
  }

  /** After CONNACK: what waits is sent, and what may no longer be had is not. */
  resume(): void {
    const { state } = this
    const isNew = state.held === undefined && state.waitingCount === 0
    const lost = state.resume(this, isNew ? NOTHING_TO_TAKE : this.rules)
    if (lost.length > 0) new SubscriptionDesk(this).lost(lost)
  }

  /** The connection is over: its session goes on without it, or ends. */
  detach(how: { readonly isWillDue: boolean; readonly expirySeconds?: number | undefined }): void {
    this.#answers?.clear()
    this.#retained?.clear()
    const { renewableUntilMs: untilMs } = this.identity
    this.#state?.detach(this, { ...how, untilMs })
  }

  #paced(): { readonly answers: OrderedAnswers; readonly pace: ReadingPace } {
    this.#answers ??= new OrderedAnswers(this)
    this.#pace ??= new ReadingPace(this, this.#answers)
    return { answers: this.#answers, pace: this.#pace }
  }

  #pumpRetained(): void {
    this.#retained?.pump()
    if (this.#retained?.isIdle === true) this.#retained = undefined
  }
}
