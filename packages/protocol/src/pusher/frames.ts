/**
 * The frames of the Pusher protocol 7: what a client may send and the text of what the server
 * sends. Contract parts 1A and 1B. Pure; the text is made once and shared by every receiver.
 */

/** One decoded frame of a client; nothing in it is authorized or looked up yet. */
export type ClientFrame =
  | { readonly kind: 'ping' }
  | { readonly kind: 'pong' }
  | {
      readonly kind: 'subscribe'
      readonly channel: string
      readonly auth: string | undefined
      /** Raw JSON text. */
      readonly channelData: string | undefined
    }
  | { readonly kind: 'unsubscribe'; readonly channel: string }
  /** `userData` is raw JSON text. */
  | { readonly kind: 'signin'; readonly auth: string; readonly userData: string }
  | {
      readonly kind: 'client_event'
      readonly event: string
      readonly channel: string
      /** JSON text of whatever value the client gave. */
      readonly data: string
    }

/**
 * A member as `channel_data` describes it; `user_id` keeps the JSON type the application signed.
 */
export interface WireMember {
  readonly userId: string | number
  readonly userInfo: unknown
}

export const PING = '{"event":"pusher:ping","data":{}}'
export const PONG = '{"event":"pusher:pong","data":{}}'

/** @param activityTimeoutSeconds whole seconds, at least 1: pusher-js rejects 0. */
export function connectionEstablished(socketId: string, activityTimeoutSeconds: number): string {
  const data = JSON.stringify({ socket_id: socketId, activity_timeout: activityTimeoutSeconds })
  return frame('pusher:connection_established', undefined, data)
}

/**
 * @param code null for an error that has no code.
 * @param fields more about it, which pusher-js hands on with the error.
 */
export function errorFrame(code: number | null, message: string, fields?: object): string {
  return JSON.stringify({ event: 'pusher:error', data: { code, message, ...fields } })
}

/**
 * A limit is used up to four fifths. No client has to know it: pusher-js gives it to those who
 * ask for it with `pusher.bind('pusher:limit_warning', ...)`, and to nobody else.
 */
export function limitWarning(fields: object): string {
  return JSON.stringify({ event: 'pusher:limit_warning', data: fields })
}

/** @param data JSON text: `{}` or what {@link presenceData} gives. */
export function subscriptionSucceeded(channel: string, data: string): string {
  return frame('pusher_internal:subscription_succeeded', channel, data)
}

/** An object, not a string: pusher-js hands it to the channel's own bindings. */
export function subscriptionError(
  channel: string,
  error: { readonly type: string; readonly error: string; readonly status: number },
): string {
  return JSON.stringify({ event: 'pusher:subscription_error', channel, data: error })
}

/** @returns the data of `subscription_succeeded` on a presence channel; one entry per user. */
export function presenceData(members: Iterable<WireMember>): string {
  const ids: (string | number)[] = []
  const entries: (readonly [string, unknown])[] = []
  for (const member of members) {
    ids.push(member.userId)
    entries.push([String(member.userId), member.userInfo ?? null])
  }
  // `fromEntries` defines keys, so an id like __proto__ stays an ordinary one.
  const hash = Object.fromEntries(entries)
  return JSON.stringify({ presence: { ids, hash, count: ids.length } })
}

export function memberAdded(channel: string, member: WireMember): string {
  const data = JSON.stringify({ user_id: member.userId, user_info: member.userInfo })
  return frame('pusher_internal:member_added', channel, data)
}

export function memberRemoved(channel: string, userId: string | number): string {
  return frame('pusher_internal:member_removed', channel, JSON.stringify({ user_id: userId }))
}

export function subscriptionCount(channel: string, count: number): string {
  const data = JSON.stringify({ subscription_count: count })
  return frame('pusher_internal:subscription_count', channel, data)
}

export function cacheMiss(channel: string): string {
  return frame('pusher:cache_miss', channel, '{}')
}

/** @param userData the raw text the client sent, returned unchanged. */
export function signinSuccess(userData: string): string {
  return frame('pusher:signin_success', undefined, JSON.stringify({ user_data: userData }))
}

export function watchlistEvents(
  events: readonly { readonly name: 'online' | 'offline'; readonly userIds: readonly string[] }[],
): string {
  const list = events.map(({ name, userIds }) => ({ name, user_ids: userIds }))
  return frame('pusher_internal:watchlist_events', undefined, JSON.stringify({ events: list }))
}

/** An event of the application's server. `data` is the string the publisher gave, untouched. */
export function serverEvent(channel: string, event: string, data: string): string {
  return frame(event, channel, data)
}

/**
 * A client event: `event`, `channel` and `data` only, and on presence channels the sender's user
 * id.
 * @param data JSON text, inserted as the value it is.
 */
export function clientEvent(
  channel: string,
  event: string,
  message: { readonly data: string; readonly userId: string | undefined },
): string {
  const user = message.userId === undefined ? '' : `,"user_id":${JSON.stringify(message.userId)}`
  const head = `{"event":${JSON.stringify(event)},"channel":${JSON.stringify(channel)}`
  return `${head},"data":${message.data}${user}}`
}

function frame(event: string, channel: string | undefined, data: string): string {
  const where = channel === undefined ? '' : `,"channel":${JSON.stringify(channel)}`
  return `{"event":${JSON.stringify(event)}${where},"data":${JSON.stringify(data)}}`
}
