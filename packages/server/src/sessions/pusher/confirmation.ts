/** What a new subscriber of a Pusher channel is told, in this order. Contract 1B.3 and 1F. */
import * as frames from '@lockgate/protocol/pusher/frames'
import type { JoinedChannel } from '../../core/hub.ts'
import type { Outbox } from '../../ports/fanout.ts'

export function confirmJoined(
  outbox: Outbox,
  channel: string,
  { members, last }: JoinedChannel,
): void {
  const data = members === undefined ? '{}' : frames.presenceData(members)
  outbox.send(frames.subscriptionSucceeded(channel, data))
  if (last === undefined) return
  const replay =
    last === 'none' ? frames.cacheMiss(channel) : frames.serverEvent(channel, last.event, last.data)
  outbox.send(replay)
}
