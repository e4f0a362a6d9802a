/**
 * `GET /apps/{id}/channels`, `/channels/{name}` and `/channels/{name}/users`. Contract 1G.2.
 */
import { parseChannelName } from '@lockgate/protocol/pusher/channel-name'
import type { SignedQuery } from '@lockgate/protocol/pusher/signature'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { authorize, type ServerPrincipal } from '../../core/acl.ts'
import type { AppSpace } from '../../core/app-space.ts'
import type { ChannelAddress } from '../../core/channel.ts'
import type { Hub } from '../../core/hub.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { countsOf, describeChannel, readInfo } from './channel-info.ts'

/** Our bound on one answer; a prefix narrows the list. */
export const CHANNEL_LIST_LENGTH_MAX = 50_000

export interface InspectContext {
  readonly hub: Hub
  readonly space: AppSpace
  readonly principal: ServerPrincipal
  readonly query: SignedQuery
  readonly nowMs: number
}

/** @returns the JSON text of the occupied channels; channels of users are not listed. */
export function listChannels(context: InspectContext): Result<string, RefusalCode> {
  const allowed = authorize(context.principal, 'inspect', undefined)
  if (!allowed.ok) return allowed
  const prefix = context.query.get('filter_by_prefix') ?? ''
  const info = readInfo(context.query.get('info'))
  if (!info.ok) return info
  if (info.value?.includes('user_count') === true && !prefix.startsWith('presence-')) {
    return refuse('channel_kind_unfit', 'user_count takes filter_by_prefix=presence-.')
  }
  if (info.value?.includes('cache') === true) {
    return refuse('channel_kind_unfit', 'Ask for the cache of one channel at a time.')
  }
  const entries: (readonly [string, Record<string, number>])[] = []
  for (const [name, channel] of context.space.channels) {
    if (channel.address.kind === 'user' || !name.startsWith(prefix)) continue
    if (entries.length === CHANNEL_LIST_LENGTH_MAX) {
      return refuse(
        'request_malformed',
        'Too many channels: narrow the list with filter_by_prefix.',
      )
    }
    entries.push([name, countsOf(channel, channel.address, info.value ?? [])])
  }
  return ok(JSON.stringify({ channels: Object.fromEntries(entries) }))
}

/** @param name decoded. @returns the JSON text about one channel, occupied or not. */
export function readChannel(name: string, context: InspectContext): Result<string, RefusalCode> {
  const channel = findChannel(name, context.principal)
  if (!channel.ok) return channel
  const info = readInfo(context.query.get('info'))
  if (!info.ok) return info
  const asked = info.value ?? []
  if (asked.includes('user_count') && channel.value.kind !== 'presence') {
    return refuse('channel_kind_unfit', 'Only presence channels have a user_count.')
  }
  if (asked.includes('cache') && !channel.value.isCache) {
    return refuse('channel_kind_unfit', 'Only cache channels have a cache.')
  }
  const occupied = context.space.channels.has(name)
  const counts = describeChannel(context.space, channel.value, asked)
  const cache = asked.includes('cache') ? { cache: describeCache(name, context) } : {}
  return ok(JSON.stringify({ occupied, ...counts, ...cache }))
}

/** @param name decoded. @returns the JSON text of the users present. */
export function listUsers(name: string, context: InspectContext): Result<string, RefusalCode> {
  const channel = findChannel(name, context.principal)
  if (!channel.ok) return channel
  if (channel.value.kind !== 'presence') {
    return refuse('channel_kind_unfit', 'Only presence channels have users.')
  }
  const members = context.space.channels.get(name)?.roster?.members() ?? []
  const users = Array.from(members, ({ userId }) => ({ id: String(userId) }))
  return ok(JSON.stringify({ users }))
}

function findChannel(
  name: string,
  principal: ServerPrincipal,
): Result<ChannelAddress, RefusalCode> {
  const channel = parseChannelName(name)
  if (!channel.ok) return channel
  const allowed = authorize(principal, 'inspect', channel.value)
  return allowed.ok ? channel : allowed
}

function describeCache(
  name: string,
  context: InspectContext,
): { data: string; ttl: number } | null {
  const last = context.hub.lastEvent(context.space, name)
  if (last === undefined) return null
  return { data: last.data, ttl: Math.ceil((last.expiresAtMs - context.nowMs) / 1000) }
}
