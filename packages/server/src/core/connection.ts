/**
 * A live connection as the hub sees it, whatever protocol it speaks. Sessions implement it; the hub
 * alone changes `subscriptions` and `user`.
 */
import type { Outbox } from '../ports/fanout.ts'
import type { Channel } from './channel.ts'
import type { Encoder } from './encoder.ts'
import type { RefusalCode } from './refusals.ts'
import type { Reliance } from './reliance.ts'
import type { Source } from './source.ts'

/** One connection's place on one channel. */
export interface Subscription {
  readonly channel: Channel
  /** On presence channels: the key of the member it counts for. */
  readonly userKey: string | undefined
  /** What authorized it; undefined where nothing had to. */
  readonly restsOn: Reliance | undefined
}

export interface SignedInUser {
  readonly id: string
  readonly info: unknown
  /** At most 100 user ids. */
  readonly watchlist: readonly string[]
  /** What vouched for the sign-in. */
  readonly restsOn: Reliance | undefined
}

/** What is known and ended alike in every protocol. */
export interface Connection {
  /** Unique on all nodes, not guessable; for Pusher the socket id. */
  readonly id: string
  /** Names the protocol in receipts, events and use records. */
  readonly protocol: string
  readonly source: Source
  /** Monotonic. */
  readonly openedAtMs: number
  /** Undefined while it lives, and where the client left. */
  readonly endedBy: RefusalCode | undefined
  /** What let the connection in; app and tenant are not named, the hub knows those. */
  readonly openedBy: readonly Reliance[]
  /** Of channels, by name; always empty where the protocol has none. */
  readonly subscriptions: ReadonlyMap<string, Subscription>
  user: SignedInUser | undefined
  /**
   * Ends the connection with the close code its protocol gives this refusal.
   * @returns false when it had ended before.
   */
  end(refusal: RefusalCode): boolean
}

/** One of a protocol with channels. */
export interface ChannelConnection extends Connection {
  readonly encoder: Encoder
  readonly outbox: Outbox
  readonly subscriptions: Map<string, Subscription>
}

export function hasChannels(connection: Connection): connection is ChannelConnection {
  return 'encoder' in connection
}
