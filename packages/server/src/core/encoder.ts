/**
 * What the hub needs of a protocol: turning a core event into one frame that every receiver of that
 * protocol shares. Implemented beside each session; pure.
 */
import type { ChannelAddress } from './channel.ts'
import type { Frame } from '../ports/fanout.ts'
import type { Member } from './presence.ts'

/** One event on its way from a publisher to the subscribers of a channel. */
export interface Message {
  readonly channel: ChannelAddress
  readonly event: string
  /** From a server: the string it gave. From a client: JSON text of the value it gave. */
  readonly data: string
  readonly origin: 'server' | 'client'
  /** The sender on a presence channel, from the server's own state. */
  readonly userId: string | undefined
  /** Id of the one connection that does not get it. */
  readonly exceptConnectionId: string | undefined
  /** Came from a topic over a bridge: whoever watches has been told of it there. */
  readonly isBridged?: true
}

export interface WatchEvent {
  readonly name: 'online' | 'offline'
  readonly userIds: readonly string[]
}

export interface Encoder {
  message(message: Message): Frame
  memberAdded(channel: string, member: Member): Frame
  memberRemoved(channel: string, member: Member): Frame
  subscriptionCount(channel: string, count: number): Frame
  watchEvents(events: readonly WatchEvent[]): Frame
}
