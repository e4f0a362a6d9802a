/**
 * A channel: its name, who is on it and how often that was told. State only; the hub decides.
 */
import type { Fanout } from '../ports/fanout.ts'
import { Audience } from './audience.ts'
import type { Encoder } from './encoder.ts'
import { type Member, PresenceRoster } from './presence.ts'

/** `user` reaches every connection of a signed-in user; `encrypted` is private with opaque data. */
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

export class Channel {
  readonly address: ChannelAddress
  readonly subscribers: Audience<Encoder>
  /** On presence channels only. */
  readonly roster: PresenceRoster<Member> | undefined
  /** When the count was last told to subscribers, and to those who watch the app. */
  countToldAtMs = Number.NEGATIVE_INFINITY
  countEventAtMs = Number.NEGATIVE_INFINITY

  constructor(address: ChannelAddress, fanout: Fanout) {
    this.address = address
    this.subscribers = new Audience(fanout)
    this.roster = address.kind === 'presence' ? new PresenceRoster<Member>() : undefined
  }

  /** Puts a member on the roster; where there is none, nobody is news. */
  enter(member: Member | undefined, memberCountMax: number): 'first' | 'again' | 'full' {
    if (this.roster === undefined || member === undefined) return 'again'
    return this.roster.enter(String(member.userId), member, memberCountMax)
  }
}
