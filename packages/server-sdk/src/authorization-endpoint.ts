/**
 * Ready endpoints for the authorization requests of Pusher clients, fetch-style. They do the duties
 * that are easily forgotten: authenticate the user, check socket id and channel name, ask a policy
 * that denies unless it allows, sign, and say nothing about signatures and secrets; and they check
 * method, origin, type and size first, answer in a way nobody keeps, and ask a rate limit twice.
 */
import { needsSignature } from '@lockgate/protocol/pusher/channel-name'
import {
  authenticateUser,
  authorizeChannel,
  isSocketId,
  parseSignable,
} from './channel-authorization.ts'
import type {
  ChannelEndpointOptions,
  Endpoint,
  EndpointOptions,
  EndpointUser,
  UserEndpointOptions,
} from './endpoint-options.ts'
import { authenticated, endpoint, Refused } from './endpoint-pipeline.ts'

/** Answers `/pusher/auth`, `/broadcasting/auth`: may this socket join this channel? */
export function channelAuthorizationEndpoint<User extends EndpointUser>(
  options: ChannelEndpointOptions<User>,
): Endpoint {
  return endpoint(options, async (call, known) => {
    const parsed = parseSignable(
      call.parameters.get('socket_id'),
      call.parameters.get('channel_name'),
    )
    if (!parsed.ok) return new Refused(parsed.refusal)
    const channel = parsed.value
    const socketId = known('socketId', call.parameters.get('socket_id') ?? '')
    known('channelName', channel.name)
    // A public channel needs no signature, so there is nothing to ask for.
    if (!needsSignature(channel.kind)) return new Refused('channel_name_invalid')
    const user = await authenticated(options, call)
    if (user instanceof Refused) return user
    known('userId', user.id)
    const verdict = await options.authorize({ ...call, user, channel })
    if (verdict?.allow !== true) return new Refused('denied')
    const member = { user_id: user.id, ...infoOf(verdict) }
    const { encryptedChannels, encryptionMasterKeyBase64: masterKey } = options
    return authorizeChannel(await keysOf(options), {
      socketId,
      channelName: channel.name,
      ...(channel.kind === 'presence' ? { channelData: member } : {}),
      ...(masterKey === undefined ? {} : { encryptionMasterKeyBase64: masterKey }),
      ...(encryptedChannels === undefined ? {} : { encryptedChannels }),
    })
  })
}

/** Answers `/pusher/user-auth`, `/broadcasting/user-auth`: who is this socket? */
export function userAuthenticationEndpoint<User extends EndpointUser>(
  options: UserEndpointOptions<User>,
): Endpoint {
  return endpoint(options, async (call, known) => {
    const socketId = call.parameters.get('socket_id')
    if (!isSocketId(socketId)) return new Refused('socket_id_invalid')
    known('socketId', socketId)
    const user = await authenticated(options, call)
    if (user instanceof Refused) return user
    known('userId', user.id)
    const verdict = await options.signIn({ ...call, user })
    if (verdict?.allow !== true) return new Refused('denied')
    const watching = verdict.watchlist === undefined ? {} : { watchlist: verdict.watchlist }
    const signedIn = { id: user.id, ...infoOf(verdict), ...watching }
    return authenticateUser(await keysOf(options), { socketId, user: signedIn })
  })
}

function keysOf<User extends EndpointUser>({ keys }: EndpointOptions<User>) {
  return typeof keys === 'function' ? keys() : keys
}

function infoOf({ userInfo }: { readonly userInfo?: Readonly<Record<string, unknown>> }) {
  return userInfo === undefined ? {} : { user_info: userInfo }
}
