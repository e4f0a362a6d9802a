/**
 * What sessions ask of channels whose messages are numbered, kept and replayed. The hub of messages
 * implements it; it knows no protocol and no socket. Whether a caller may ask is decided before.
 */
import type { Result } from '@lockgate/protocol/result'
import type { Frame, Outbox } from '../../ports/fanout.ts'
import type { HistoryPage } from '../../ports/history-store.ts'
import type { AppSpace } from '../app-space.ts'
import type { Connection } from '../connection.ts'
import type { RefusalCode } from '../refusals.ts'

export interface ChannelMessage {
  readonly channel: string
  /** Unique in the recent messages of the channel. */
  readonly id: string
  /** JSON text. */
  readonly data: string
  /** May be empty. */
  readonly publisherId: string
  /** Epoch; strictly rising in the app. */
  readonly timestampMs: number
  /** Rises by 1 in the channel. */
  readonly sequence: number
}

export interface PresentMember {
  readonly clientId: string
  /** JSON text of an object; undefined: none was given. */
  readonly data: string | undefined
  /** Epoch, of its first connection. */
  readonly joinedAtMs: number
}

export type PresenceChange = 'enter' | 'leave' | 'update'

/** One frame that every receiver of a protocol shares. Implemented beside its session; pure. */
export interface MessageEncoder {
  message(message: ChannelMessage): Frame
  presence(change: PresenceChange, channel: string, member: PresentMember): Frame
}

/** A connection that takes part. The hub alone changes `channels`. */
export interface MessageConnection extends Connection {
  readonly encoder: MessageEncoder
  readonly outbox: Outbox
  /** Names it is subscribed to. */
  readonly channels: Set<string>
  /** Who it is in presence: fresh for a connection that nobody named. */
  readonly clientId: string
  /**
   * What it proved to be: only who has the same may take over its place in presence. A principal,
   * or the connection where it could be anybody.
   */
  readonly ownerKey: string
  /**
   * Undefined: little waits for its reader. Else resolves when little does, or when it has ended;
   * what is replayed waits for that.
   */
  readonly whenRoom?: () => Promise<void> | undefined
}

/** What comes before live messages. */
export type Replay =
  /** The last so many that are kept. */
  | { readonly kind: 'rewind'; readonly count: number }
  /** All that are kept of what was published later; within the bounds of the app. */
  | { readonly kind: 'after'; readonly timestampMs: number }

export interface MessageSubscription {
  readonly channel: string
  readonly replay?: Replay
  /** Runs once the subscription holds, before anything else of the channel is sent. */
  readonly confirm: () => void
  /** Asked again once what is replayed was read: the right may have been taken away meanwhile. */
  readonly isStillAllowed?: () => boolean
}

export interface Subscribed {
  /** False: of what was missed, some is not kept or is beyond the bounds. */
  readonly isComplete: boolean
}

export interface PublishRequest {
  readonly channel: string
  /** The publisher's; undefined or not unique: the hub makes one. */
  readonly id: string | undefined
  /** JSON text, checked. */
  readonly data: string
  readonly publisherId: string
  /** Tells publishers apart where ids are compared: a principal, not a connection. */
  readonly publisherKey: string
  /** False: delivered live, never stored or replayed. */
  readonly isKept: boolean
  /** Does not get it, because the app has echo switched off. */
  readonly except?: MessageConnection
}

export interface Published {
  readonly message: ChannelMessage
  /** The same was published a moment ago: nothing was delivered again. */
  readonly isRepeated: boolean
  /** Resolves once it survives `kill -9`; undefined: nothing to wait for. @throws Outage */
  readonly durable: Promise<void> | undefined
}

type Later<T> = T | Promise<T>

export interface Messages {
  /**
   * Subscribes and replays: `confirm`, then what is replayed, oldest first, then live messages,
   * each once and none left out. Subscribing again confirms again and replays nothing.
   * @returns at once where nothing has to be read. @throws Outage, and then nothing holds.
   */
  subscribe(
    space: AppSpace,
    connection: MessageConnection,
    request: MessageSubscription,
  ): Later<Result<Subscribed, RefusalCode>>
  /** Leaves its presence too. Idempotent. */
  unsubscribe(space: AppSpace, connection: MessageConnection, channel: string): void
  /** @throws Outage */
  publish(space: AppSpace, request: PublishRequest): Later<Result<Published, RefusalCode>>
  /** @param data JSON text of an object. Entering again, or updating before, is the other. */
  enter(
    space: AppSpace,
    connection: MessageConnection,
    presence: { readonly channel: string; readonly data: string | undefined },
  ): Result<true, RefusalCode>
  leave(space: AppSpace, connection: MessageConnection, channel: string): void
  /** The channels it is present on; it need not be subscribed to them. */
  presentOn(space: AppSpace, connection: MessageConnection): readonly string[]
  members(space: AppSpace, channel: string): readonly PresentMember[]
  /** Newest or oldest first; `countMax` is bounded by the caller. @throws Outage */
  history(
    space: AppSpace,
    query: {
      readonly channel: string
      readonly direction: 'forward' | 'backward'
      readonly beforeMs: number | undefined
      readonly afterMs: number | undefined
      readonly countMax: number
    },
  ): Promise<Result<HistoryPage, RefusalCode>>
  /**
   * Takes a connection out of everything; its presence lasts for the grace where it may come back.
   * Idempotent.
   */
  disconnect(space: AppSpace, connection: MessageConnection): void
}

/** Our bounds. */
export const HISTORY_PAGE_COUNT_MAX = 1_000
export const HISTORY_PAGE_COUNT_DEFAULT = 50
/** The state of one member as JSON text. */
export const PRESENCE_DATA_BYTES_MAX = 4_096
