/** Presence on channels with history: who enters, leaves and may come back, and who is told. */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { Clock } from '../../ports/clock.ts'
import type { Fanout } from '../../ports/fanout.ts'
import type { AppSpace } from '../app-space.ts'
import type { HubLimits } from '../hub.ts'
import type { HubEvents } from '../hub-events.ts'
import { REFUSALS } from '../refusals.ts'
import { closeIfEmpty, type MessageChannel, openChannel } from './message-space.ts'
import {
  type MessageConnection,
  PRESENCE_DATA_BYTES_MAX,
  type PresenceChange,
  type PresentMember,
} from './messages.ts'

export interface MemberPorts {
  readonly fanout: Fanout
  readonly clock: Clock
  readonly hubEvents: HubEvents
}

type EnterRefusal =
  | 'member_large'
  | 'members_full'
  | 'client_id_taken'
  | 'subscriptions_full'
  | 'channels_full'

export class MessageMembers {
  readonly #ports: MemberPorts
  readonly #limits: HubLimits

  constructor(ports: MemberPorts, limits: HubLimits) {
    this.#ports = ports
    this.#limits = limits
  }

  enter(
    space: AppSpace,
    connection: MessageConnection,
    { channel: name, data }: { readonly channel: string; readonly data: string | undefined },
  ): Result<true, EnterRefusal> {
    if (data !== undefined && Buffer.byteLength(data) > PRESENCE_DATA_BYTES_MAX) {
      return refuse('member_large')
    }
    const room = this.#roomFor(space, connection, name)
    if (!room.ok) return room
    const channel = openChannel(space, name, this.#ports.fanout)
    const entered = channel.present().enter(connection, {
      data,
      nowMs: this.#ports.clock.nowMs(),
      memberCountMax: space.app.settings.presenceMemberCountMax,
    })
    if (!('member' in entered)) {
      closeIfEmpty(space, channel)
      return refuse(entered.kind === 'full' ? 'members_full' : 'client_id_taken')
    }
    remember(space, connection, name)
    this.#settled(space, channel)
    const { kind, member } = entered
    if (kind !== 'same') tell(channel, kind, member)
    if (kind === 'enter') this.#ports.hubEvents.entered(space, channel, member.clientId)
    return ok(true)
  }

  /** Idempotent. */
  leave(space: AppSpace, connection: MessageConnection, name: string): void {
    const channel = space.messages?.channels.get(name)
    if (channel?.presence === undefined) return
    forgetEntered(space, connection, name)
    this.#gone(space, channel, channel.presence.leave(connection))
    closeIfEmpty(space, channel)
  }

  /** The connection has ended: what it was present on waits for it where it may come back. */
  lose(space: AppSpace, connection: MessageConnection): void {
    const { presenceGraceMs } = space.app.settings
    const names = [...(space.messages?.entered.get(connection) ?? [])]
    const isAwaited = presenceGraceMs > 0 && mayComeBack(connection)
    for (const name of names) {
      const channel = space.messages?.channels.get(name)
      if (!isAwaited || channel?.presence === undefined) {
        this.leave(space, connection, name)
        continue
      }
      forgetEntered(space, connection, name)
      channel.presence.lose(connection, this.#ports.clock.monotonicMs() + presenceGraceMs)
      this.#settled(space, channel)
    }
  }

  /** A connection has come to a channel: what waits there for its client goes on with it. */
  takeOver(space: AppSpace, connection: MessageConnection, channel: MessageChannel): void {
    if (channel.presence?.takeOver(connection) !== true) return
    remember(space, connection, channel.address.name)
    this.#settled(space, channel)
  }

  /** Tells of members for which nobody came back. */
  expire(space: AppSpace): void {
    const nowMs = this.#ports.clock.monotonicMs()
    for (const channel of space.messages?.awaiting ?? []) {
      for (const member of channel.presence?.expire(nowMs) ?? []) {
        this.#gone(space, channel, member)
      }
      this.#settled(space, channel)
      closeIfEmpty(space, channel)
    }
  }

  #roomFor(
    { messages }: AppSpace,
    connection: MessageConnection,
    name: string,
  ): Result<true, EnterRefusal> {
    const entered = messages?.entered.get(connection)
    if (messages === undefined || entered?.has(name) === true) return ok(true)
    const { subscriptionCountMax, channelCountMax } = this.#limits
    if ((entered?.size ?? 0) >= subscriptionCountMax) return refuse('subscriptions_full')
    const isFull = !messages.channels.has(name) && messages.channels.size >= channelCountMax
    return isFull ? refuse('channels_full') : ok(true)
  }

  #gone(space: AppSpace, channel: MessageChannel, member: PresentMember | undefined): void {
    if (member === undefined) return
    tell(channel, 'leave', member)
    this.#ports.hubEvents.left(space, channel, member.clientId)
  }

  #settled({ messages }: AppSpace, channel: MessageChannel): void {
    if (channel.presence?.isAwaiting === true) messages?.awaiting.add(channel)
    else messages?.awaiting.delete(channel)
  }
}

function tell(channel: MessageChannel, change: PresenceChange, member: PresentMember): void {
  const { name } = channel.address
  channel.subscribers.tell((encoder) => encoder.presence(change, name, member))
}

function remember({ messages }: AppSpace, connection: MessageConnection, name: string): void {
  const known = messages?.entered.get(connection)
  if (known === undefined) messages?.entered.set(connection, new Set([name]))
  else known.add(name)
}

function forgetEntered({ messages }: AppSpace, connection: MessageConnection, name: string): void {
  const known = messages?.entered.get(connection)
  known?.delete(name)
  if (known?.size === 0) messages?.entered.delete(connection)
}

/** Not who was thrown out: it is gone at once. */
function mayComeBack({ endedBy }: MessageConnection): boolean {
  return endedBy === undefined || endedBy === 'token_expired' || REFUSALS[endedBy].retry === 'later'
}
