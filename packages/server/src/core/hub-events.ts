/**
 * What the hub tells those who watch, of connections, channels, members and messages, and bridges,
 * which carry messages on. Where nobody wants an event the cost is one question, and nothing is
 * made for it.
 */
import type { Clock } from '../ports/clock.ts'
import type { AppSpace } from './app-space.ts'
import type { Channel, ChannelAddress } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Message } from './encoder.ts'
import type { LiveEvents } from './live-events.ts'
import type { ChannelMessage } from './messages/messages.ts'
import type { TopicMessage } from './topics/topic-message.ts'

/** Who carries messages over to the other protocol. */
export interface Bridges {
  eventPublished(space: AppSpace, message: Message): void
  topicPublished(space: AppSpace, message: TopicMessage): void
}

/** A channel of whatever protocol. */
export interface WatchedChannel {
  readonly address: Pick<ChannelAddress, 'name' | 'kind'>
}

export interface HubEventPorts {
  readonly events: LiveEvents
  readonly clock: Clock
  readonly bridging?: Bridges
  /** Called where a cache channel has a new last event, on the node it was published at. */
  readonly onLastEvent?: (space: AppSpace, channel: string) => void
}

export class HubEvents {
  readonly #events: LiveEvents
  readonly #clock: Clock
  readonly #bridging: Bridges | undefined
  readonly #onLastEvent: HubEventPorts['onLastEvent']

  constructor(ports: HubEventPorts) {
    this.#onLastEvent = ports.onLastEvent
    this.#events = ports.events
    this.#clock = ports.clock
    this.#bridging = ports.bridging
  }

  connected(space: AppSpace, connection: Connection): void {
    if (!this.#events.isWanted('connection.opened', space.app.id)) return
    const details = describe(connection)
    this.#events.tell({ type: 'connection.opened', ...this.#at(space), details })
  }

  disconnected(space: AppSpace, connection: Connection): void {
    if (!this.#events.isWanted('connection.closed', space.app.id)) return
    const details = {
      ...describe(connection),
      durationMs: Math.max(0, Math.round(this.#clock.monotonicMs() - connection.openedAtMs)),
      reason: connection.endedBy ?? 'client',
    }
    this.#events.tell({ type: 'connection.closed', ...this.#at(space), details })
  }

  /** Channels of users come with a sign-in and are nobody's to watch. */
  occupied(space: AppSpace, { address }: WatchedChannel): void {
    if (address.kind === 'user') return
    if (!this.#events.isWanted('channel.occupied', space.app.id)) return
    const details = { channel: address.name }
    this.#events.tell({ type: 'channel.occupied', ...this.#at(space), details })
  }

  vacated(space: AppSpace, { address }: WatchedChannel): void {
    if (address.kind === 'user') return
    if (!this.#events.isWanted('channel.vacated', space.app.id)) return
    const details = { channel: address.name }
    this.#events.tell({ type: 'channel.vacated', ...this.#at(space), details })
  }

  /** The first connection of a user joined. */
  entered(space: AppSpace, { address }: WatchedChannel, userId: string): void {
    if (!this.#events.isWanted('presence.enter', space.app.id)) return
    const details = { channel: address.name, userId }
    this.#events.tell({ type: 'presence.enter', ...this.#at(space), details })
  }

  /** The last connection of a user left. */
  left(space: AppSpace, { address }: WatchedChannel, userId: string): void {
    if (!this.#events.isWanted('presence.leave', space.app.id)) return
    const details = { channel: address.name, userId }
    this.#events.tell({ type: 'presence.leave', ...this.#at(space), details })
  }

  /** Once for each message, on the node it was published at. */
  published(space: AppSpace, message: Message): void {
    const { origin, event, data, userId, exceptConnectionId = '' } = message
    const { isCache, name } = message.channel
    if (isCache && origin === 'server') this.#onLastEvent?.(space, name)
    if (space.app.settings.bridges.length > 0) this.#bridging?.eventPublished(space, message)
    if (message.isBridged === true) return
    const type = origin === 'server' ? 'message.published' : 'client_event'
    if (!this.#events.isWanted(type, space.app.id)) return
    const details = { channel: message.channel.name, event, data }
    const told = this.#at(space)
    if (type === 'message.published') return this.#events.tell({ type, ...told, details })
    const sender = { connectionId: exceptConnectionId, userId }
    this.#events.tell({ type, ...told, details: { ...details, ...sender } })
  }

  /**
   * As {@link published}, of a message to a topic: the topic is told as the channel and `message`
   * as the event; where the payload is no UTF-8, that is `message;base64` and the data its Base64.
   */
  publishedToTopic(space: AppSpace, message: TopicMessage): void {
    const { topic, payload, publisherId } = message
    if (space.app.settings.bridges.length > 0) this.#bridging?.topicPublished(space, message)
    if (message.isBridged === true) return
    const type = publisherId === undefined ? 'message.published' : 'client_event'
    if (!this.#events.isWanted(type, space.app.id)) return
    const text = textOf(payload)
    const [event, data] =
      text === undefined ? ['message;base64', payload.toBase64()] : ['message', text]
    const details = { channel: topic, event, data }
    const told = this.#at(space)
    if (publisherId === undefined) {
      return this.#events.tell({ type: 'message.published', ...told, details })
    }
    const sender = { connectionId: publisherId, userId: undefined }
    this.#events.tell({ type: 'client_event', ...told, details: { ...details, ...sender } })
  }

  /** As {@link published}, of a message that was numbered; its event is always `message`. */
  publishedMessage(space: AppSpace, { channel, data }: ChannelMessage): void {
    if (!this.#events.isWanted('message.published', space.app.id)) return
    const details = { channel, event: 'message', data }
    this.#events.tell({ type: 'message.published', ...this.#at(space), details })
  }

  /** Somebody joined a cache channel that holds nothing. */
  missed(space: AppSpace, channel: string): void {
    if (!this.#events.isWanted('cache_miss', space.app.id)) return
    this.#events.tell({ type: 'cache_miss', ...this.#at(space), details: { channel } })
  }

  wantsCounts(space: AppSpace): boolean {
    return this.#events.isWanted('subscription_count', space.app.id)
  }

  counted(space: AppSpace, { address, subscribers }: Channel): void {
    const details = { channel: address.name, subscriptionCount: subscribers.size }
    this.#events.tell({ type: 'subscription_count', ...this.#at(space), details })
  }

  #at({ app }: AppSpace) {
    return { atMs: this.#clock.nowMs(), tenantId: app.tenantId, appId: app.id }
  }
}

function describe({ id, protocol, source }: Connection) {
  return { connectionId: id, protocol, ip: source.ip }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns undefined for bytes that are not UTF-8. */
function textOf(payload: Uint8Array): string | undefined {
  try {
    return decoder.decode(payload)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
