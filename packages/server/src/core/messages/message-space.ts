/** What is alive of one app on this node: who is subscribed, who is present. State only. */
import type { Fanout } from '../../ports/fanout.ts'
import type { AppSpace } from '../app-space.ts'
import { Audience } from '../audience.ts'
import type { WatchedChannel } from '../hub-events.ts'
import { ChannelPresence } from './channel-presence.ts'
import type { MessageConnection, MessageEncoder } from './messages.ts'

export class MessageChannel implements WatchedChannel {
  readonly address: WatchedChannel['address']
  readonly subscribers: Audience<MessageEncoder>
  /** Made with the first member. */
  presence: ChannelPresence | undefined

  constructor(name: string, fanout: Fanout) {
    this.address = { name, kind: 'public' }
    this.subscribers = new Audience(fanout)
  }

  get isEmpty(): boolean {
    return this.subscribers.size === 0 && (this.presence === undefined || this.presence.isEmpty)
  }

  present(): ChannelPresence {
    this.presence ??= new ChannelPresence()
    return this.presence
  }
}

export class MessageSpace {
  readonly channels = new Map<string, MessageChannel>()
  /** Channels on which a connection is present; it need not be subscribed. */
  readonly entered = new Map<MessageConnection, Set<string>>()
  /** Channels of which a member may come back. */
  readonly awaiting = new Set<MessageChannel>()

  get isEmpty(): boolean {
    return this.channels.size === 0
  }
}

/** @returns the channel, made at first use. */
export function openChannel(space: AppSpace, name: string, fanout: Fanout): MessageChannel {
  space.messages ??= new MessageSpace()
  const known = space.messages.channels.get(name)
  if (known !== undefined) return known
  const made = new MessageChannel(name, fanout)
  space.messages.channels.set(name, made)
  return made
}

/** Lets go of a channel on which nobody is, and of all where that was the last. */
export function closeIfEmpty(space: AppSpace, channel: MessageChannel): void {
  if (!channel.isEmpty) return
  space.messages?.channels.delete(channel.address.name)
  if (space.messages?.isEmpty === true) space.messages = undefined
}
