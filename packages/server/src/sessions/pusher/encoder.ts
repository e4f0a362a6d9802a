/**
 * Core events as Pusher frames; each is made once and shared by every Pusher client of the channel.
 */
import * as frames from '@lockgate/protocol/pusher/frames'
import type { Encoder } from '../../core/encoder.ts'

export const pusherEncoder: Encoder = {
  message: ({ channel, event, data, origin, userId }) =>
    origin === 'client'
      ? frames.clientEvent(channel.name, event, { data, userId })
      : frames.serverEvent(channel.name, event, data),
  memberAdded: (channel, member) => frames.memberAdded(channel, member),
  memberRemoved: (channel, member) => frames.memberRemoved(channel, member.userId),
  subscriptionCount: (channel, count) => frames.subscriptionCount(channel, count),
  watchEvents: (events) => frames.watchlistEvents(events),
}
