/**
 * Pusher channel names: the alphabet and the kind a prefix gives. Pusher Channels protocol 7, part
 * 1B. Pure. Prefixes are anchored: being a cache channel never changes whether a name needs
 * authorization.
 */
import { ok, refuse, type Result } from '../result.ts'

export type ChannelKind = 'public' | 'private' | 'encrypted' | 'presence' | 'user'

export interface ChannelName {
  readonly name: string
  readonly kind: ChannelKind
  /** Whether the last published event is kept and replayed to a new subscriber. */
  readonly isCache: boolean
  /** On kind `user`: whose connections it reaches. */
  readonly ownerId: string | undefined
}

/** The SDKs' bound; Pusher documents 164 and its libraries accept 200. */
export const CHANNEL_NAME_LENGTH_MAX = 200

/** Pusher's bound on ids of users, signed in or present. */
export const USER_ID_LENGTH_MAX = 128

export type ChannelNameRefusal =
  | 'channel_name_empty'
  | 'channel_name_long'
  | 'channel_name_character'

const NAME = /^[A-Za-z0-9_\-=@,.;]+$/
const USER_CHANNEL_PREFIX = '#server-to-user-'

/**
 * Checks a channel name and reads its kind.
 * @param text untrusted.
 * @returns the first refusal in the order of {@link ChannelNameRefusal}.
 */
export function parseChannelName(text: string): Result<ChannelName, ChannelNameRefusal> {
  if (text === '') return refuse('channel_name_empty')
  if (text.length > CHANNEL_NAME_LENGTH_MAX) return refuse('channel_name_long')
  if (text.startsWith(USER_CHANNEL_PREFIX)) {
    const ownerId = text.slice(USER_CHANNEL_PREFIX.length)
    if (!isUserId(ownerId)) return refuse('channel_name_character')
    return ok({ name: text, kind: 'user', isCache: false, ownerId })
  }
  // `:` and `{` stay out: with them a channel name could repeat the string of a sign-in signature.
  if (!NAME.test(text)) return refuse('channel_name_character')
  const [kind, cachePrefix] = kindOf(text)
  return ok({ name: text, kind, isCache: text.startsWith(cachePrefix), ownerId: undefined })
}

/**
 * Whether a text may be a user id: the alphabet of channels, 1 to {@link USER_ID_LENGTH_MAX} long.
 */
export function isUserId(text: string): boolean {
  return text.length <= USER_ID_LENGTH_MAX && NAME.test(text)
}

/** @returns the channel on which the server reaches every connection signed in as `userId`. */
export function userChannelName(userId: string): string {
  return USER_CHANNEL_PREFIX + userId
}

/**
 * Whether subscribing takes a signature: exactly the names that begin `private-` or `presence-`.
 */
export function needsSignature(kind: ChannelKind): boolean {
  switch (kind) {
    case 'private':
    case 'encrypted':
    case 'presence':
      return true
    case 'public':
    case 'user':
      return false
    default:
      return kind satisfies never
  }
}

/** @returns the kind and the prefix that marks the cache variety of it. */
function kindOf(name: string): [kind: ChannelKind, cachePrefix: string] {
  if (name.startsWith('private-encrypted-')) return ['encrypted', 'private-encrypted-cache-']
  if (name.startsWith('private-')) return ['private', 'private-cache-']
  if (name.startsWith('presence-')) return ['presence', 'presence-cache-']
  return ['public', 'cache-']
}
