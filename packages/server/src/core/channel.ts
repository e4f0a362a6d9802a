/**
 * A channel: who is on it and how its messages reach them. State only; the hub decides.
 */
import type { Encoder } from './encoder.ts'
import type { Fanout, FanoutGroup } from '../ports/fanout.ts'
import { PresenceRoster } from './presence.ts'

/**
 * `user` reaches every connection signed in as one user; `encrypted` is private with opaque data.
 */
export type ChannelKind = 'public' | 'private' | 'encrypted' | 'presence' | 'user'

/** A checked channel name with what its kind means; a codec makes it. */
export interface ChannelAddress {
  readonly name: string
  readonly kind: ChannelKind
  /** Whether the last event is kept and replayed to a new subscriber. */
  readonly isCache: boolean
  /** On kind `user`: whose connections it reaches. */
  readonly ownerId: string | undefined
}

interface ProtocolGroup {
  readonly encoder: Encoder
  readonly group: FanoutGroup
}

export class Channel {
  readonly address: ChannelAddress
  readonly roster: PresenceRoster | undefined
  /** One group per protocol present, so that each protocol encodes a message once. */
  readonly groups: ProtocolGroup[] = []
  subscriberCount = 0
  /** When the subscriber count was last told. */
  countToldAtMs = Number.NEGATIVE_INFINITY

  constructor(address: ChannelAddress) {
    this.address = address
    this.roster = address.kind === 'presence' ? new PresenceRoster() : undefined
  }

  /** @returns the group of one protocol, made when the protocol is new to the channel. */
  groupFor(encoder: Encoder, fanout: Fanout): FanoutGroup {
    const known = this.groups.find((entry) => entry.encoder === encoder)
    if (known !== undefined) return known.group
    const group = fanout.createGroup()
    this.groups.push({ encoder, group })
    return group
  }
}
