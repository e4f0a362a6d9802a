/**
 * Signs what a Pusher client needs to join a channel or to sign in: the answers are, byte for byte,
 * those of the `pusher` library. Pusher Channels protocol 7, parts 1C, 1D and 1I.
 * What is signed is checked first: a text that a client chose could otherwise be another signature.
 */
import { isJsonObject, isLongerThan, nestsDeeperThan } from '@lockgate/protocol/bytes'
import {
  type ChannelName,
  isUserId,
  parseChannelName,
} from '@lockgate/protocol/pusher/channel-name'
import {
  channelStringToSign,
  SOCKET_ID,
  userStringToSign,
} from '@lockgate/protocol/pusher/signature'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { encodeBase64 } from './base64.ts'
import type { EncryptedChannels } from './encrypted-channels.ts'
import { signHmac } from './hmac.ts'
import { readMasterKey, sharedSecretOf } from './shared-secret.ts'

/** An app key with its signing secret. */
export interface AppKey {
  readonly appKey: string
  readonly secret: string
}

export interface ChannelRequest {
  /** `digits.digits`, from the client. */
  readonly socketId: string
  /** From the client. */
  readonly channelName: string
  /** Signed and sent along. On presence channels `{ user_id, user_info? }`. */
  readonly channelData?: unknown
  /**
   * 32 bytes in base64, wanted for encrypted channels only. The same on every backend; never
   * sent to the server. To replace it, give {@link ChannelRequest.encryptedChannels}.
   */
  readonly encryptionMasterKeyBase64?: string
  /** In place of the master key: says which one is handed out while one replaces the other. */
  readonly encryptedChannels?: Pick<EncryptedChannels, 'sharedSecret'>
}

/** What the client is answered, with the names of the wire. */
export interface ChannelAuthorization {
  readonly auth: string
  readonly channel_data?: string
  readonly shared_secret?: string
}

export interface UserRequest {
  readonly socketId: string
  readonly user: SignInUser
}

export interface SignInUser {
  /** 1 to 128 characters out of `A-Z a-z 0-9 _ - = @ , . ;`. */
  readonly id: string
  readonly user_info?: Readonly<Record<string, unknown>>
  /** Ids whose going on and off line this user is told of; at most 100. */
  readonly watchlist?: readonly string[]
  readonly [field: string]: unknown
}

/** What the client is answered, with the names of the wire. */
export interface UserAuthentication {
  readonly auth: string
  readonly user_data: string
}

export type AuthorizationRefusal =
  | 'socket_id_invalid'
  | 'channel_name_invalid'
  | 'channel_data_invalid'
  | 'user_invalid'
  | 'master_key_invalid'

/** The caller asked for what is not signed. The text names no value. */
export class AuthorizationError extends Error {
  override readonly name = 'AuthorizationError'
  readonly code: AuthorizationRefusal

  constructor(code: AuthorizationRefusal) {
    super(REFUSAL_TEXTS[code])
    this.code = code
  }
}

/** Our bounds. The server's own bound on a member is 2 KiB unless it is configured. */
export const SIGNED_DATA_BYTES_MAX = 10_240
export const WATCHLIST_LENGTH_MAX = 100
const DATA_DEPTH_MAX = 32

const REFUSAL_TEXTS: Readonly<Record<AuthorizationRefusal, string>> = {
  socket_id_invalid: 'A socket id is digits, a dot and digits.',
  channel_name_invalid: 'Not a channel name that can be authorized.',
  channel_data_invalid:
    'Channel data are JSON of bounded size; on presence channels an object with user_id.',
  user_invalid:
    'A user has an id out of the alphabet of channel names; watchlist is a list of ids.',
  master_key_invalid: 'An encrypted channel takes a master key of 32 bytes in base64.',
}

/**
 * Authorizes one socket for one channel.
 * @param keys newest first; the newest signs. During a rotation the server accepts both.
 * @throws {@link AuthorizationError} for what must not be signed.
 */
export async function authorizeChannel(
  keys: AppKey | readonly AppKey[],
  request: ChannelRequest,
): Promise<ChannelAuthorization> {
  const { socketId } = request
  const name = required(parseSignable(socketId, request.channelName)).name
  const channelData = required(serializeChannelData(name, request.channelData))
  const sharedSecret = await sharedSecretFor(name, request)
  const { appKey, secret } = newestOf(keys)
  const signature = await signHmac(secret, channelStringToSign(socketId, name, channelData))
  return {
    ...(channelData === undefined ? {} : { channel_data: channelData }),
    auth: `${appKey}:${signature}`,
    ...(sharedSecret === undefined ? {} : { shared_secret: sharedSecret }),
  }
}

/**
 * Signs one socket in as a user.
 * @param keys newest first; the newest signs.
 * @throws {@link AuthorizationError} for what must not be signed.
 */
export async function authenticateUser(
  keys: AppKey | readonly AppKey[],
  { socketId, user }: UserRequest,
): Promise<UserAuthentication> {
  if (!isSocketId(socketId)) throw new AuthorizationError('socket_id_invalid')
  const userData = isSignInUser(user) ? serialize(user) : undefined
  if (userData === undefined) throw new AuthorizationError('user_invalid')
  const { appKey, secret } = newestOf(keys)
  const signature = await signHmac(secret, userStringToSign(socketId, userData))
  return { auth: `${appKey}:${signature}`, user_data: userData }
}

/** Whether a text is a socket id; anything else could carry parts of another string to sign. */
export function isSocketId(text: unknown): text is string {
  return typeof text === 'string' && SOCKET_ID.test(text)
}

/** The two texts a client chooses, checked before anything else is done with them. */
export function parseSignable(
  socketId: unknown,
  channelName: unknown,
): Result<ChannelName, 'socket_id_invalid' | 'channel_name_invalid'> {
  if (!isSocketId(socketId)) return refuse('socket_id_invalid')
  const parsed = typeof channelName === 'string' ? parseChannelName(channelName) : undefined
  // The channel of a user is joined by being signed in; no signature opens it.
  return parsed?.ok === true && parsed.value.kind !== 'user'
    ? ok(parsed.value)
    : refuse('channel_name_invalid')
}

function serializeChannelData(
  name: string,
  data: unknown,
): Result<string | undefined, 'channel_data_invalid'> {
  if (data === undefined || data === null) return ok(undefined)
  if (name.startsWith('presence-') && !isMember(data)) return refuse('channel_data_invalid')
  const text = serialize(data)
  return text === undefined ? refuse('channel_data_invalid') : ok(text)
}

/** §1B.4: `user_id` is text or, in some applications, a whole number. */
function isMember(data: unknown): boolean {
  if (!isJsonObject(data)) return false
  const { user_id: id, user_info: info } = data
  const isId = typeof id === 'string' ? isUserId(id) : Number.isSafeInteger(id)
  return isId && (info === undefined || info === null || isJsonObject(info))
}

function isSignInUser(user: unknown): boolean {
  if (!isJsonObject(user)) return false
  const { id, watchlist = [] } = user
  if (typeof id !== 'string' || !isUserId(id)) return false
  return (
    Array.isArray(watchlist) &&
    watchlist.length <= WATCHLIST_LENGTH_MAX &&
    watchlist.every((each) => typeof each === 'string' && isUserId(each))
  )
}

/** @returns undefined for what JSON cannot hold, and for what is too large or too deep. */
function serialize(data: unknown): string | undefined {
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return undefined
    throw error
  }
  if (text === undefined || isLongerThan(text, SIGNED_DATA_BYTES_MAX)) return undefined
  return nestsDeeperThan(text, DATA_DEPTH_MAX) ? undefined : text
}

/** §1I. Undefined for channels that are not encrypted. */
async function sharedSecretFor(
  channelName: string,
  { encryptedChannels, encryptionMasterKeyBase64 = '' }: ChannelRequest,
): Promise<string | undefined> {
  if (!channelName.startsWith('private-encrypted-')) return undefined
  if (encryptedChannels !== undefined) return encryptedChannels.sharedSecret(channelName)
  const masterKey = readMasterKey(encryptionMasterKeyBase64)
  if (masterKey === undefined) throw new AuthorizationError('master_key_invalid')
  return encodeBase64(await sharedSecretOf(channelName, masterKey))
}

function newestOf(keys: AppKey | readonly AppKey[]): AppKey {
  const newest = isList(keys) ? keys[0] : keys
  if (newest === undefined) throw new TypeError('There is no app key to sign with.')
  return newest
}

function isList(keys: AppKey | readonly AppKey[]): keys is readonly AppKey[] {
  return Array.isArray(keys)
}

function required<T>(result: Result<T, AuthorizationRefusal>): T {
  if (!result.ok) throw new AuthorizationError(result.refusal)
  return result.value
}
