/**
 * A live connection as the hub sees it. Sessions implement it; the hub alone changes
 * `subscriptions`.
 */
import type { Outbox } from '../ports/fanout.ts'
import type { Channel } from './channel.ts'
import type { Encoder } from './encoder.ts'
import type { RefusalCode } from './refusals.ts'

/** One connection's place on one channel. */
export interface Subscription {
  readonly channel: Channel
  /** On presence channels: the key of the member it counts for. */
  readonly userKey: string | undefined
}

export interface SignedInUser {
  readonly id: string
  readonly info: unknown
  /** At most 100 user ids. */
  readonly watchlist: readonly string[]
}

export interface Connection {
  /** Unique on all nodes, not guessable; for Pusher the socket id. */
  readonly id: string
  readonly encoder: Encoder
  readonly outbox: Outbox
  readonly subscriptions: Map<string, Subscription>
  user: SignedInUser | undefined
  /** Ends the connection with the close code its protocol gives this refusal. */
  end(refusal: RefusalCode): void
}
