/** What an authorization endpoint is given, asks and tells. Types only. */
import type { ChannelName } from '@lockgate/protocol/pusher/channel-name'
import type { AppKey } from './channel-authorization.ts'
import type { EncryptedChannels } from './encrypted-channels.ts'
import type { BodyRefusal, Parameters } from './endpoint-parameters.ts'

/** Who is asking, as `authenticate` found out. Fields of your own reach the policy. */
export interface EndpointUser {
  /** 1 to 128 characters out of `A-Z a-z 0-9 _ - = @ , . ;`. */
  readonly id: string
}

/** What the platform knows of the other side. */
export interface Peer {
  /** The address of the client, by your own reading of proxies. */
  readonly address?: string | undefined
}

export type Endpoint = (request: Request, peer?: Peer) => Promise<Response>

/** One request, checked. */
export interface EndpointCall extends Peer {
  /** Its body is read already; {@link parameters} are what was in it. */
  readonly request: Request
  readonly parameters: Parameters
}

type MaybePromise<T> = T | Promise<T>

export interface RateVerdict {
  readonly isAllowed: boolean
  readonly retryAfterSeconds?: number
}

export interface EndpointOptions<User extends EndpointUser> {
  /** Newest first; the newest signs. A function is asked each time: a rotated key is taken up. */
  readonly keys: AppKey | readonly AppKey[] | (() => MaybePromise<AppKey | readonly AppKey[]>)
  /** By cookie or header. Undefined or null: nobody. */
  readonly authenticate: (call: EndpointCall) => MaybePromise<User | undefined | null>
  /**
   * Exact `scheme://host[:port]` of the pages that may ask. Absent: the endpoint's own origin, as
   * the URL of the request says it; behind a proxy that ends TLS, list the public one.
   */
  readonly allowedOrigins?: readonly string[]
  /** Request headers that pages of other origins may send, lowercase. */
  readonly allowedHeaders?: readonly string[]
  /** Asked before the user is known, with the address, and again with the user. */
  readonly rateLimit?: (subject: RateSubject<User>) => MaybePromise<RateVerdict>
  /**
   * Hears every decision, for your audit log. Holds no signature and no secret. Absent: what a
   * callback throws is thrown on, so that the platform reports it.
   */
  readonly onDecision?: (decision: EndpointDecision) => void
}

export interface RateSubject<User> extends Peer {
  readonly user?: User
}

/** Anything but `allow: true` denies. */
export type Verdict<T> = (T & { readonly allow: true }) | { readonly allow: false } | undefined

export interface ChannelQuestion<User> extends EndpointCall {
  readonly user: User
  readonly channel: ChannelName
}

export interface ChannelEndpointOptions<User extends EndpointUser> extends EndpointOptions<User> {
  /**
   * Whether this user may join this channel; yours to answer by tenant and resource. On presence
   * channels the member is the authenticated user, with `userInfo` for the others to see.
   */
  readonly authorize: (
    question: ChannelQuestion<User>,
  ) => MaybePromise<Verdict<{ readonly userInfo?: Readonly<Record<string, unknown>> }>>
  /** For encrypted channels, or give `encryptedChannels`, which can replace the key. */
  readonly encryptionMasterKeyBase64?: string
  readonly encryptedChannels?: Pick<EncryptedChannels, 'sharedSecret'>
}

export interface SignInQuestion<User> extends EndpointCall {
  readonly user: User
}

export interface UserEndpointOptions<User extends EndpointUser> extends EndpointOptions<User> {
  readonly signIn: (question: SignInQuestion<User>) => MaybePromise<
    Verdict<{
      readonly userInfo?: Readonly<Record<string, unknown>>
      readonly watchlist?: readonly string[]
    }>
  >
}

export type EndpointRefusal =
  | BodyRefusal
  | 'method_not_allowed'
  | 'origin_denied'
  | 'rate_limited'
  | 'socket_id_invalid'
  | 'channel_name_invalid'
  | 'not_authenticated'
  | 'denied'

export interface EndpointDecision extends Peer {
  readonly outcome: 'granted' | 'refused' | 'failed'
  readonly code: EndpointRefusal | 'granted' | 'failed'
  readonly userId?: string
  /** Only once they are known to be well formed. */
  readonly socketId?: string
  readonly channelName?: string
  /** What was thrown, where something failed. */
  readonly error?: unknown
}
