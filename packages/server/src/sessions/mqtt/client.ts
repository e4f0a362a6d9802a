/**
 * An MQTT client that was let in: what it may, what it is told, and its place in the hub. The state
 * of its session outlives it and is apart (`state/`). A machine without I/O.
 */
import { encodePacket } from '@lockgate/protocol/mqtt/encode'
import type { ClientPacket, Disconnect } from '@lockgate/protocol/mqtt/packets'
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { AppSpace } from '../../core/app-space.ts'
import type { Connection, SignedInUser, Subscription } from '../../core/connection.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { LayeredRules } from '../../core/rules/layered-rules.ts'
import type { RuleQuestion } from '../../core/rules/rule-question.ts'
import type { Source } from '../../core/source.ts'
import type { TopicDelivery } from '../../core/topics/topic-subscriber.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import { acknowledgement } from './answers.ts'
import type { ClientSocket, ClientStart, Ending } from './client-socket.ts'
import type { ConnectTerms } from './connect-terms.ts'
import type { MqttDeps } from './mqtt-deps.ts'
import { MqttLimits } from './mqtt-limits.ts'
import { EXPIRY_SKEW_MS, HANDSHAKE_LIFE_MS_MAX } from './mqtt-settings.ts'
import { type AnsweredConnection, OrderedAnswers } from './ordered-answers.ts'
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
  readonly limits: MqttLimits
  identity: MqttIdentity
  rules: LayeredRules
  readonly socket: ClientSocket
  /** Its session was there before: what the client sends may be said again. */
  isResumed = false
  readonly #openedAtEpochMs: number
  readonly #answers: OrderedAnswers
  readonly #pace: ReadingPace
  readonly #writer: PublishWriter
  #state: ClientState | undefined
  #aliases: IncomingAliases | undefined
  #desk: SubscriptionDesk | undefined
  #retained: RetainedSending | undefined
  #renewal: Renewal | undefined

  constructor(start: ClientStart, socket: ClientSocket, deps: MqttDeps) {
    const { id, identity, source, terms } = start
    this.id = id
    this.source = source
    this.start = start
    this.deps = deps
    this.socket = socket
    this.identity = identity
    this.openedAtMs = deps.clock.monotonicMs()
    this.#openedAtEpochMs = deps.clock.nowMs()
    this.space = deps.hub.space(identity.loaded.app)
    this.rules = deps.rules.rulesFor(identity, terms.clientId)
    this.limits = new MqttLimits(start, deps)
    this.#answers = new OrderedAnswers(this)
    this.#pace = new ReadingPace(this, this.#answers)
    this.#writer = new PublishWriter(terms, deps.frames)
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
    return this.#pace.isHeld
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
        return this.#retained?.pump()
      case 'pubrec':
        return takePubrec(this, packet)
      case 'pubrel':
        return takePubrel(this, packet)
      case 'pubcomp':
        this.state.completed(packet.packetId)
        return this.#retained?.pump()
      case 'subscribe':
        return this.#subscriptions().subscribe(packet)
      case 'unsubscribe':
        return this.#subscriptions().unsubscribe(packet)
      case 'pingreq':
        return this.send(PINGRESP)
      case 'disconnect':
        return this.#leave(packet)
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
    this.#answers.answer({ frame, afterwards }, written)
    this.#pace.answered(written === undefined ? 'unwritten' : 'written')
  }

  /** A packet that has no answer was taken; `writeCount` as in {@link answer}. */
  unanswered(writeCount: number): void {
    this.#pace.unanswered(writeCount)
  }

  notWritten(): void {
    this.end('unavailable')
  }

  lessWaits(): void {
    this.#pace.lessWaits()
  }

  sendPublish(delivery: TopicDelivery, packetId: number, sending: Sending): boolean {
    const frame = this.#writer.write(delivery, packetId, sending)
    if (frame === undefined) return false
    this.send(frame)
    return true
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
    this.#retained?.pump()
  }

  /** Retained messages on their way to new subscriptions. */
  get retained(): RetainedSending {
    this.#retained ??= new RetainedSending(this)
    return this.#retained
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

  /** The audit log learns what rules refused. */
  denied(question: RuleQuestion): void {
    const { rules, identity, source } = this
    const attempt = this.deps.rules.denialOf(question, { rules, identity, source })
    if (attempt !== undefined) this.deps.recordDenial(attempt, this.space.app)
  }

  /** @returns epoch; undefined: the connection has no end of its own (decision 16). */
  endsAtMs(): number | undefined {
    const expiresAtMs = this.identity.expiresAtMs()
    if (expiresAtMs === undefined) return undefined
    return this.space.app.settings.expiry === 'enforce'
      ? expiresAtMs + EXPIRY_SKEW_MS
      : this.#openedAtEpochMs + HANDSHAKE_LIFE_MS_MAX
  }

  /** The same principal by another credential: session and subscriptions stay. */
  renewed(identity: MqttIdentity): void {
    this.identity = identity
    this.user = userOf(identity)
    this.limits.renewed(identity)
    this.deps.figures.renewals++
    this.rulesChanged()
  }

  /** What is lost is taken away, the rest stays. */
  rulesChanged(): void {
    this.rules = this.deps.rules.rulesFor(this.identity, this.terms.clientId)
    if (this.#state !== undefined) this.#subscriptions().keepAllowed()
  }

  /** After CONNACK: what waits is sent, and what may no longer be had is not. */
  resume(): void {
    const lost = this.state.resume(this, this.rules)
    if (lost.length > 0) this.#subscriptions().lost(lost)
  }

  /** The connection is over: its session goes on without it, or ends. */
  detach(how: { readonly isWillDue: boolean; readonly expirySeconds?: number | undefined }): void {
    this.#answers.clear()
    this.#retained?.clear()
    const { renewableUntilMs: untilMs } = this.identity
    this.#state?.detach(this, { ...how, untilMs })
  }

  #leave({ reason, properties: { sessionExpiry } }: Disconnect): void {
    // §3.14.2.2.2: what was to end with its connection is not kept after all.
    if (sessionExpiry !== undefined && sessionExpiry > 0 && this.terms.expirySeconds === 0) {
      return this.violated(REASON.protocolError, 'The session expiry of CONNECT was 0.')
    }
    const { sessionExpirySecondsMax } = this.deps.settings
    const granted = sessionExpiry && Math.min(sessionExpiry, sessionExpirySecondsMax)
    // [MQTT-3.14.4-3]
    this.socket.left({ isWillDue: reason !== REASON.success, expirySeconds: granted })
  }

  #subscriptions(): SubscriptionDesk {
    this.#desk ??= new SubscriptionDesk(this)
    return this.#desk
  }
}

function userOf({ userId, reliances }: MqttIdentity): SignedInUser | undefined {
  if (userId === undefined) return undefined
  return { id: userId, info: undefined, watchlist: [], restsOn: reliances[0] }
}
