/**
 * The hub of messages that are numbered, kept and replayed, for every app. It is beside the hub of
 * channels: names mean something else here (ADR 0029). A call that has to read the store answers
 * later; between two turns the state is always whole. Subscriptions and members are known to the
 * node of their connection only; messages go to every node.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { BROKER_PAYLOAD_BYTES_MAX, type Broker } from '../../ports/broker.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Fanout } from '../../ports/fanout.ts'
import type { HistoryPage } from '../../ports/history-store.ts'
import type { Random } from '../../ports/random.ts'
import type { AppSpace } from '../app-space.ts'
import type { ChannelLog } from '../history/channel-log.ts'
import type { History } from '../history/history.ts'
import { type Replayed, Replays } from '../history/replays.ts'
import { keepMsOf } from '../history/retention-rules.ts'
import type { HubLimits } from '../hub.ts'
import { HubEvents } from '../hub-events.ts'
import type { LiveEvents } from '../live-events.ts'
import type { RefusalCode } from '../refusals.ts'
import type { Tally } from '../tally.ts'
import type { LiveSpaces } from '../topics/topic-hub.ts'
import { decodeMessageEnvelope, encodeMessageEnvelope, MESSAGES_TOPIC } from './message-envelope.ts'
import { MessageMembers } from './message-members.ts'
import { closeIfEmpty, openChannel } from './message-space.ts'
import type {
  ChannelMessage,
  MessageConnection,
  Messages,
  MessageSubscription,
  PresentMember,
  Published,
  PublishRequest,
  Subscribed,
} from './messages.ts'

export interface MessageHubPorts {
  readonly spaces: LiveSpaces
  readonly history: History
  readonly fanout: Fanout
  readonly broker: Broker
  readonly clock: Clock
  readonly random: Random
  readonly tally: Tally
  readonly events: LiveEvents
}

type Later<T> = T | Promise<T>

/** 128 bits, as the ids clients make. */
const ID_BYTES = 16
/** One character of UTF-16 takes at most so many bytes of UTF-8. */
const BYTES_PER_UNIT_MAX = 3

export class MessageHub implements Messages {
  readonly #ports: MessageHubPorts
  readonly #limits: HubLimits
  readonly #events: HubEvents
  readonly #replays: Replays
  readonly #members: MessageMembers
  readonly #stopListening: () => void
  /** What a subscription that was read for finds gone, it does not join. */
  readonly #gone = new WeakSet<MessageConnection>()

  constructor(ports: MessageHubPorts, limits: HubLimits) {
    this.#ports = ports
    this.#limits = limits
    this.#events = new HubEvents(ports)
    this.#replays = new Replays(ports.history)
    this.#members = new MessageMembers({ ...ports, hubEvents: this.#events }, limits)
    this.#stopListening = ports.broker.subscribe(MESSAGES_TOPIC, (text) => this.#receive(text))
  }

  subscribe(
    space: AppSpace,
    connection: MessageConnection,
    request: MessageSubscription,
  ): Later<Result<Subscribed, RefusalCode>> {
    const { channel, replay } = request
    if (connection.channels.has(channel)) {
      request.confirm()
      return COMPLETE
    }
    const room = this.#roomFor(space, connection, channel)
    if (!room.ok) return room
    if (replay === undefined) return this.#join(space, connection, { request, replayed: NOTHING })
    const waiting = connection.whenRoom?.()
    const start = () =>
      this.#replays.run({ app: space.app, channel, replay }, (replayed) =>
        this.#join(space, connection, { request, replayed }),
      )
    const joined = waiting === undefined ? start() : waiting.then(start)
    return joined instanceof Promise ? joined.then(flat) : flat(joined)
  }

  unsubscribe(space: AppSpace, connection: MessageConnection, name: string): void {
    this.#members.leave(space, connection, name)
    this.#quit(space, connection, name)
  }

  publish(space: AppSpace, request: PublishRequest): Later<Result<Published, RefusalCode>> {
    const { app, isGone } = space
    // Deleted while a body was read: nothing of it may be kept, for nobody would delete it again.
    if (isGone) return refuse('app_unknown')
    if (isLonger(request.data, app.settings.messageBytesMax)) return refuse('message_large')
    if (!this.#ports.fanout.hasRoom()) return refuse('overloaded')
    const published = this.#ports.history.use(app, request.channel, (log) =>
      this.#publish(space, log, request),
    )
    return published instanceof Promise ? published.then(flat) : flat(published)
  }

  enter(
    space: AppSpace,
    connection: MessageConnection,
    presence: { readonly channel: string; readonly data: string | undefined },
  ): Result<true, RefusalCode> {
    return this.#members.enter(space, connection, presence)
  }

  leave(space: AppSpace, connection: MessageConnection, channel: string): void {
    this.#members.leave(space, connection, channel)
  }

  presentOn(space: AppSpace, connection: MessageConnection): readonly string[] {
    return [...(space.messages?.entered.get(connection) ?? [])]
  }

  members(space: AppSpace, channel: string): readonly PresentMember[] {
    return space.messages?.channels.get(channel)?.presence?.members() ?? []
  }

  history(
    space: AppSpace,
    query: Parameters<Messages['history']>[1],
  ): Promise<Result<HistoryPage, RefusalCode>> {
    return this.#replays.page(space.app, query)
  }

  disconnect(space: AppSpace, connection: MessageConnection): void {
    this.#gone.add(connection)
    this.#members.lose(space, connection)
    for (const name of [...connection.channels]) this.#quit(space, connection, name)
  }

  /** Ends what was waited for long enough. Called about once a second. */
  tick(): void {
    for (const space of this.#ports.spaces.spaces()) this.#members.expire(space)
  }

  /** Lets go of all that a deleted app has here. */
  forget(space: AppSpace): void {
    space.messages = undefined
  }

  /** Stops listening to other nodes. */
  close(): void {
    this.#stopListening()
  }

  #roomFor(
    space: AppSpace,
    { channels }: MessageConnection,
    name: string,
  ): Result<true, RefusalCode> {
    const { subscriptionCountMax, channelCountMax } = this.#limits
    if (channels.size >= subscriptionCountMax) return refuse('subscriptions_full')
    const known = space.messages?.channels
    const isFull = known !== undefined && !known.has(name) && known.size >= channelCountMax
    return isFull ? refuse('channels_full') : ok(true)
  }

  /** All in one turn: what is published later reaches it live, and nothing else does. */
  #join(
    space: AppSpace,
    connection: MessageConnection,
    of: { readonly request: MessageSubscription; readonly replayed: Replayed },
  ): Result<Subscribed, RefusalCode> {
    const { channel: name, confirm } = of.request
    const { messages, isComplete } = of.replayed
    if (this.#gone.has(connection) || space.isGone) return refuse('draining')
    if (of.request.isStillAllowed?.() === false) return refuse('operation_denied')
    const room = this.#roomFor(space, connection, name)
    if (!room.ok) return room
    connection.channels.add(name)
    confirm()
    for (const message of messages) connection.outbox.send(connection.encoder.message(message))
    this.#ports.tally.messagesDelivered += messages.length
    // What was just sent may have been too much for it.
    if (!connection.channels.has(name)) return refuse('slow_consumer')
    const channel = openChannel(space, name, this.#ports.fanout)
    channel.subscribers.join(connection)
    if (channel.subscribers.size === 1) this.#events.occupied(space, channel)
    this.#members.takeOver(space, connection, channel)
    return isComplete ? COMPLETE : INCOMPLETE
  }

  #quit(space: AppSpace, connection: MessageConnection, name: string): void {
    if (!connection.channels.delete(name)) return
    const channel = space.messages?.channels.get(name)
    if (channel === undefined) return
    channel.subscribers.leave(connection)
    if (channel.subscribers.size === 0) this.#events.vacated(space, channel)
    closeIfEmpty(space, channel)
  }

  #publish(
    space: AppSpace,
    log: ChannelLog,
    request: PublishRequest,
  ): Result<Published, RefusalCode> {
    const { app } = space
    const { history } = this.#ports
    const { channel, data, publisherId, publisherKey } = request
    const used =
      request.id === undefined ? undefined : log.ids.find(request.id, history.time.nowMs())
    const isOwn = used?.publisherKey === publisherKey
    const isOwnBefore = used?.publisherKey === undefined && used?.publisherId === publisherId
    if (request.id !== undefined && used !== undefined && (isOwn || isOwnBefore)) {
      const { timestampMs, sequence } = used
      const durable = used.durable && history.again(app, used.durable)
      const message = { channel, id: request.id, data, publisherId, timestampMs, sequence }
      return ok({ message, isRepeated: true, durable })
    }
    const isKept = request.isKept && keepMsOf(app.settings, channel) > 0
    if (isKept && !history.regionOf(app).journal.isAccepting) return refuse('unavailable')
    const timestampMs = history.nextTimestampMs(app.id)
    if (timestampMs === undefined) return refuse('overloaded')
    const id = used === undefined ? (request.id ?? this.#freshId()) : this.#freshId()
    const sequence = log.lastSequence + 1
    const message = { appId: app.id, channel, id, data, publisherId, timestampMs, sequence }
    this.#forward({ appId: app.id, message, isKept })
    const durable = history.append(app, log, { message, how: { isKept, publisherKey } })
    this.#deliver(space, message, request.except)
    this.#events.publishedMessage(space, message)
    return ok({ message, isRepeated: false, durable })
  }

  #deliver(space: AppSpace, message: ChannelMessage, except?: MessageConnection): void {
    const { tally } = this.#ports
    tally.messagesPublished++
    const subscribers = space.messages?.channels.get(message.channel)?.subscribers
    if (subscribers === undefined) return
    const isLeftOut = except?.channels.has(message.channel) === true
    tally.messagesDelivered += subscribers.size - (isLeftOut ? 1 : 0)
    subscribers.tell((encoder) => encoder.message(message), except)
  }

  /** Encoding is done only where somebody listens. */
  #forward(envelope: Parameters<typeof encodeMessageEnvelope>[0]): void {
    const { broker, tally } = this.#ports
    if (!broker.hasListeners(MESSAGES_TOPIC)) return
    const payload = encodeMessageEnvelope(envelope)
    const isTooLarge = Buffer.byteLength(payload) > BROKER_PAYLOAD_BYTES_MAX
    if (isTooLarge) tally.topicMessagesUnforwarded++
    else broker.publish(MESSAGES_TOPIC, payload)
  }

  #receive(payload: string): void {
    const envelope = decodeMessageEnvelope(payload)
    if (envelope === undefined) return
    const { appId, message, isKept } = envelope
    // Of an app that nobody uses here there is nothing in memory that could be behind.
    const space = this.#ports.spaces.find(appId)
    if (space === undefined) return
    this.#ports.history.accept(appId, { appId, ...message }, isKept)
    this.#deliver(space, message)
  }

  #freshId(): string {
    const bytes = this.#ports.random.bytes(ID_BYTES)
    return bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
  }
}

/** @param text counted in UTF-8 only where it could matter. */
function isLonger(text: string, bytesMax: number): boolean {
  if (text.length * BYTES_PER_UNIT_MAX <= bytesMax) return false
  return text.length > bytesMax || Buffer.byteLength(text) > bytesMax
}

function flat<T, R extends string>(
  outcome: Result<Result<T, R>, 'overloaded'>,
): Result<T, R | 'overloaded'> {
  return outcome.ok ? outcome.value : outcome
}

const COMPLETE = ok({ isComplete: true })
const INCOMPLETE = ok({ isComplete: false })
const NOTHING: Replayed = { messages: [], isComplete: true }
