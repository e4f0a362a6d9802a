/** Presence of a client (contract wSocket 4). What it changes goes to every subscriber. */
import { isLongerThan } from '@lockgate/protocol/bytes'
import { parseChannelName } from '@lockgate/protocol/wsocket/channel-name'
import type { ClientFrame } from '@lockgate/protocol/wsocket/codec'
import { membersFrame } from '@lockgate/protocol/wsocket/frames'
import { PRESENCE_DATA_BYTES_MAX } from '../../core/messages/messages.ts'
import { deny, type WSocketClient } from './client.ts'

/** To enter again is to update, and to update before is to enter. */
export function takeEnter(
  client: WSocketClient,
  { channel, data }: Extract<ClientFrame, { action: 'presence.enter' | 'presence.update' }>,
): void {
  const { answers, deps, space } = client
  const about = { channel }
  const name = parseChannelName(channel)
  if (!name.ok) return answers.refuse(name.refusal, about, name.detail)
  if (!client.authority.may('presence', name.value)) return deny(client, 'presence', about)
  if (data !== undefined && isLongerThan(data, PRESENCE_DATA_BYTES_MAX)) {
    return answers.refuse('member_large', about)
  }
  // It costs what a message costs, and floods as well as one.
  const limited = client.limits.publish(name.value, data ?? '')
  if (limited !== undefined) return answers.limited(limited, about)
  const entered = deps.messages.enter(space, client, { channel: name.value, data })
  if (!entered.ok) answers.refuse(entered.refusal, about, entered.detail)
}

export function takeLeave(client: WSocketClient, channel: string): void {
  const name = parseChannelName(channel)
  if (!name.ok) return client.answers.refuse(name.refusal, { channel }, name.detail)
  client.deps.messages.leave(client.space, client, name.value)
}

export function takeMembers(client: WSocketClient, channel: string): void {
  const { answers, deps, space } = client
  const about = { channel }
  const name = parseChannelName(channel)
  if (!name.ok) return answers.refuse(name.refusal, about, name.detail)
  if (!client.authority.may('presence', name.value)) return deny(client, 'presence', about)
  const limited = client.limits.read(name.value)
  if (limited !== undefined) return answers.limited(limited, about)
  client.outbox.send(membersFrame(name.value, deps.messages.members(space, name.value)))
}
