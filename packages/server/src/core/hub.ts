/**
 * The hub: channels, fan-out, presence, users, last events, for every protocol. It knows no
 * protocol, no socket and no timer; time comes through `tick`. All calls are synchronous, so the
 * state between two calls is always whole. Whether a caller may ask is decided before (`acl.ts`).
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { Broker } from '../ports/broker.ts'
import type { Fanout } from '../ports/fanout.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { AppSpace } from './app-space.ts'
import { AppSpaces } from './app-spaces.ts'
import { Channel, type ChannelAddress } from './channel.ts'
import { decodeEnvelope, encodeEnvelope, HUB_TOPIC } from './cluster.ts'
import { type ChannelConnection, type Connection, hasChannels } from './connection.ts'
import type { SignedInUser } from './connection.ts'
import type { Message } from './encoder.ts'
import { type HubEventPorts, HubEvents } from './hub-events.ts'
import type { LastEvent } from './last-event-cache.ts'
import type { Member } from './presence.ts'
import { RecentEnds } from './recent-ends.ts'
import type { RefusalCode } from './refusals.ts'
import type { Reliance } from './reliance.ts'
import { SubscriptionCounts } from './subscription-counts.ts'
import type { Tally } from './tally.ts'

export interface HubLimits {
  /** Subscriptions of one connection. */
  readonly subscriptionCountMax: number
  /** Channels of one app on this node. */
  readonly channelCountMax: number
}

export interface HubPorts extends HubEventPorts {
  readonly fanout: Fanout
  readonly broker: Broker
  readonly tally: Tally
}

/** What a new subscriber is told, after it joined and before anything else reaches it. */
export interface JoinedChannel {
  /** On presence channels: everyone present, the new member included. */
  readonly members: Iterable<Member> | undefined
  /** On cache channels: the event to replay, or `none`. */
  readonly last: LastEvent | 'none' | undefined
}

export interface SubscribeRequest {
  readonly channel: ChannelAddress
  /** On presence channels: who joins. */
  readonly member: Member | undefined
  /** What authorized the subscription. */
  readonly restsOn: Reliance | undefined
  readonly confirm: (joined: JoinedChannel) => void
}

export class Hub {
  /** For who is on the way in: what ended meanwhile did not find it here. */
  readonly ended = new RecentEnds()
  readonly #spaces: AppSpaces
  readonly #counts: SubscriptionCounts
  readonly #events: HubEvents
  readonly #limits: HubLimits
  readonly #ports: HubPorts
  readonly #stopListening: () => void

  constructor(limits: HubLimits, ports: HubPorts) {
    this.#limits = limits
    this.#ports = ports
    this.#spaces = new AppSpaces(ports.fanout)
    this.#events = new HubEvents(ports)
    this.#counts = new SubscriptionCounts(ports.clock, this.#events)
    this.#stopListening = ports.broker.subscribe(HUB_TOPIC, (payload) => this.#receive(payload))
  }

  /** @returns the live side of `app`, made at first use; a changed record replaces the old one. */
  space(app: AppRecord): AppSpace {
    return this.#spaces.open(app)
  }

  /** Gives an app that is live here its changed record; sessions read it at their next step. */
  changed(app: AppRecord): void {
    this.#spaces.changed(app)
  }

  /** Forgets a deleted app, at once or with its last connection. */
  forget(appId: string): void {
    this.#spaces.forget(appId)
  }

  /** @returns undefined for an app that is not live here. */
  find(appId: string): AppSpace | undefined {
    return this.#spaces.find(appId)
  }

  /** Apps that are live here; the caller bounds how many exist. */
  spaces(): Iterable<AppSpace> {
    return this.#spaces.all()
  }

  /** Takes a connection in. Its id must be fresh. */
  connect(space: AppSpace, connection: Connection): void {
    this.#spaces.entered(space)
    space.connections.set(connection.id, connection)
    this.#events.connected(space, connection)
  }

  /**
   * Takes a connection that has ended off the app: it counts no more and is found no more. What it
   * was in follows with {@link disconnect}, which costs more. Idempotent.
   */
  detach(space: AppSpace, connection: Connection): void {
    space.connections.delete(connection.id)
    this.#spaces.left(space)
  }

  /** Takes a connection out of everything it was in. Idempotent. */
  disconnect(space: AppSpace, connection: Connection): void {
    if (hasChannels(connection)) this.#leaveAll(space, connection)
    if (connection.user !== undefined) this.#signOut(space, connection, connection.user)
    this.detach(space, connection)
    this.#events.disconnected(space, connection)
  }

  /**
   * Joins a channel. `confirm` runs between the join and the news to others. Joining again confirms
   * again and changes nothing.
   */
  subscribe(
    space: AppSpace,
    connection: ChannelConnection,
    request: SubscribeRequest,
  ): Result<true, RefusalCode> {
    const { name } = request.channel
    const held = connection.subscriptions.get(name)
    if (held !== undefined) {
      // A newer proof takes the place of the older one: what it rested on may go.
      if (request.restsOn !== undefined) {
        connection.subscriptions.set(name, { ...held, restsOn: request.restsOn })
      }
      request.confirm(this.#joined(space, held.channel))
      return ok(true)
    }
    const room = this.#roomFor(space, connection, name)
    if (!room.ok) return room
    const channel = space.channels.get(name) ?? new Channel(request.channel, this.#ports.fanout)
    const arrival = channel.enter(request.member, space.app.settings.presenceMemberCountMax)
    if (arrival === 'full') return refuse('members_full')
    const { member } = request
    if (arrival === 'first' && member !== undefined) {
      channel.subscribers.tell((encoder) => encoder.memberAdded(name, member))
    }
    space.channels.set(name, channel)
    channel.subscribers.join(connection)
    const userKey = member === undefined ? undefined : String(member.userId)
    connection.subscriptions.set(name, { channel, userKey, restsOn: request.restsOn })
    if (channel.subscribers.size === 1) this.#events.occupied(space, channel)
    if (arrival === 'first') this.#events.entered(space, channel, userKey ?? '')
    const joined = this.#joined(space, channel)
    if (joined.last === 'none') this.#events.missed(space, name)
    request.confirm(joined)
    this.#counts.changed(space, channel)
    return ok(true)
  }

  /** Leaves a channel; one the connection is not on is no error. */
  unsubscribe(space: AppSpace, connection: ChannelConnection, name: string): void {
    const held = connection.subscriptions.get(name)
    if (held === undefined) return
    const { channel } = held
    connection.subscriptions.delete(name)
    channel.subscribers.leave(connection)
    const gone = held.userKey === undefined ? undefined : channel.roster?.leave(held.userKey)
    if (gone !== undefined) {
      channel.subscribers.tell((encoder) => encoder.memberRemoved(name, gone))
      this.#events.left(space, channel, String(gone.userId))
    }
    if (channel.subscribers.size === 0) {
      space.channels.delete(name)
      this.#events.vacated(space, channel)
    }
    this.#counts.changed(space, channel)
  }

  /** Whether a publisher may go on; asked once before a request publishes anything. */
  hasRoom(): boolean {
    return this.#ports.fanout.hasRoom()
  }

  /** Delivers a message here and on every other node. */
  publish(space: AppSpace, message: Message): void {
    this.#ports.broker.publish(HUB_TOPIC, encodeEnvelope({ appId: space.app.id, message }))
    this.#deliver(space, message)
    this.#events.published(space, message)
  }

  /**
   * Makes `user` the user of a connection and tells those who watch.
   * @param confirm runs after the sign-in holds and before any watch event reaches the connection.
   */
  signIn(
    space: AppSpace,
    connection: ChannelConnection,
    request: { readonly user: SignedInUser; readonly confirm: () => void },
  ): void {
    const { user } = request
    connection.user = user
    request.confirm()
    const initial = space.users.watch(user.watchlist, connection)
    if (initial.length > 0) connection.outbox.send(connection.encoder.watchEvents(initial))
    space.users.arrive(user.id, connection)
  }

  /** Makes `user` the user of a connection that watches nobody. */
  recognize(space: AppSpace, connection: Connection, user: SignedInUser): void {
    connection.user = user
    space.users.arrive(user.id, connection)
  }

  /** Ends every connection of a user on every node. @returns how many ended here. */
  terminateUser(space: AppSpace, userId: string): number {
    const terminateUser = { appId: space.app.id, terminateUserId: userId }
    this.#ports.broker.publish(HUB_TOPIC, encodeEnvelope(terminateUser))
    return space.users.terminate(userId)
  }

  /** @returns the replayable event of a cache channel, if it is alive. */
  lastEvent(space: AppSpace, channel: string): LastEvent | undefined {
    return space.lastEvents.read(channel, this.#ports.clock.nowMs())
  }

  /** Tells counts that became due and frees what expired. Called about once a second. */
  tick(): void {
    this.#counts.tick()
    const nowMs = this.#ports.clock.nowMs()
    for (const space of this.#spaces.all()) space.lastEvents.sweep(nowMs)
  }

  /** Stops listening to other nodes. */
  close(): void {
    this.#stopListening()
  }

  #roomFor(
    space: AppSpace,
    { subscriptions }: Connection,
    name: string,
  ): Result<true, RefusalCode> {
    if (subscriptions.size >= this.#limits.subscriptionCountMax) {
      return refuse('subscriptions_full')
    }
    const isNew = !space.channels.has(name)
    if (isNew && space.channels.size >= this.#limits.channelCountMax) return refuse('channels_full')
    return ok(true)
  }

  #joined(space: AppSpace, channel: Channel): JoinedChannel {
    const { name, isCache } = channel.address
    const last = isCache ? (this.lastEvent(space, name) ?? 'none') : undefined
    return { members: channel.roster?.members(), last }
  }

  #deliver(space: AppSpace, message: Message): void {
    const { name, isCache } = message.channel
    if (isCache && message.origin === 'server') {
      const expiresAtMs = this.#ports.clock.nowMs() + space.app.settings.cacheTtlMs
      space.lastEvents.keep(name, { event: message.event, data: message.data, expiresAtMs })
    }
    this.#ports.tally.messagesPublished++
    const channel = space.channels.get(name)
    if (channel === undefined) return
    const except = space.subscriberOf(name, message.exceptConnectionId)
    this.#ports.tally.messagesDelivered += channel.subscribers.size - (except === undefined ? 0 : 1)
    channel.subscribers.tell((encoder) => encoder.message(message), except)
  }

  #receive(payload: string): void {
    const envelope = decodeEnvelope(payload)
    const space = envelope === undefined ? undefined : this.#spaces.find(envelope.appId)
    if (envelope === undefined || space === undefined) return
    if ('message' in envelope) this.#deliver(space, envelope.message)
    else space.users.terminate(envelope.terminateUserId)
  }

  #leaveAll(space: AppSpace, connection: ChannelConnection): void {
    for (const name of [...connection.subscriptions.keys()]) {
      this.unsubscribe(space, connection, name)
    }
  }

  #signOut(space: AppSpace, connection: Connection, user: SignedInUser): void {
    connection.user = undefined
    if (hasChannels(connection)) space.users.unwatch(user.watchlist, connection)
    space.users.depart(user.id, connection)
  }
}
