/**
 * "May this principal do this here?" One function, asked on every path: subscribe, client event,
 * HTTP publish, HTTP reads, terminate. Denied unless a line below allows it.
 */
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { AppSettings } from '../ports/records/app.ts'
import type { ChannelAddress } from './channel.ts'
import { type Permissions, permits } from './permissions.ts'
import type { RefusalCode } from './refusals.ts'

export type Action = 'subscribe' | 'publish' | 'presence' | 'history' | 'inspect' | 'terminate'

/**
 * The application's own server, or who acts for it: it proved a signing secret of the app, an API
 * key or a token on this request.
 */
export interface ServerPrincipal {
  readonly kind: 'server'
  readonly settings: AppSettings
  /** Undefined: a signing secret, which may do everything in its app. */
  readonly permissions: Permissions | undefined
}

/** A client's connection, with what it has proved so far. */
export interface ConnectionPrincipal {
  readonly kind: 'connection'
  readonly settings: AppSettings
  /** Who the connection signed in as. */
  readonly userId: string | undefined
  /** The one channel for which a valid signature came with this request. */
  readonly signedChannel: string | undefined
  isSubscribed(channel: string): boolean
}

export type Principal = ServerPrincipal | ConnectionPrincipal

export function authorize(
  principal: Principal,
  action: Action,
  channel: ChannelAddress | undefined,
): Result<true, RefusalCode> {
  if (!principal.settings.enabled) return refuse('app_disabled')
  if (principal.kind === 'server') return mayServer(principal, action, channel)
  if (channel === undefined) return DENIED
  switch (action) {
    case 'subscribe':
      return maySubscribe(principal, channel)
    case 'publish':
      return maySendClientEvent(principal, channel)
    case 'presence':
    case 'history':
    case 'inspect':
    case 'terminate':
      return DENIED
    default:
      return action satisfies never
  }
}

function mayServer(
  { permissions }: ServerPrincipal,
  action: Action,
  channel: ChannelAddress | undefined,
): Result<true, RefusalCode> {
  // A request has no connection to be sent anything on.
  if (action === 'subscribe') return DENIED
  if (permissions === undefined) return ALLOWED
  return permits(permissions, action, channel?.name) ? ALLOWED : DENIED
}

function maySubscribe(
  principal: ConnectionPrincipal,
  channel: ChannelAddress,
): Result<true, RefusalCode> {
  switch (channel.kind) {
    case 'public':
      return ALLOWED
    case 'private':
    case 'encrypted':
    case 'presence':
      return principal.signedChannel === channel.name ? ALLOWED : refuse('signature_invalid')
    case 'user':
      return principal.userId !== undefined && principal.userId === channel.ownerId
        ? ALLOWED
        : refuse('not_channel_owner')
    default:
      return channel.kind satisfies never
  }
}

function maySendClientEvent(
  principal: ConnectionPrincipal,
  channel: ChannelAddress,
): Result<true, RefusalCode> {
  if (!principal.settings.clientMessages) return refuse('client_events_off')
  if (channel.kind !== 'private' && channel.kind !== 'presence') return refuse('client_event_kind')
  return principal.isSubscribed(channel.name) ? ALLOWED : refuse('not_subscribed')
}

const ALLOWED = ok(true as const)
const DENIED = refuse('operation_denied' as const)
