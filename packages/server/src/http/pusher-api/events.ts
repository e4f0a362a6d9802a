/**
 * `POST /apps/{id}/events` and `/batch_events`. Contract 1G.2. Every event of a call is checked
 * before the first one is published, so a refused call has published nothing.
 */
import { isJsonObject, isLongerThan } from '@lockgate/protocol/bytes'
import { parseChannelName } from '@lockgate/protocol/pusher/channel-name'
import { EVENT_NAME_LENGTH_MAX, JSON_DEPTH_MAX } from '@lockgate/protocol/pusher/codec'
import { SOCKET_ID } from '@lockgate/protocol/pusher/signature'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { authorize, type ServerPrincipal } from '../../core/acl.ts'
import type { AppSpace } from '../../core/app-space.ts'
import type { ChannelAddress } from '../../core/channel.ts'
import type { Hub } from '../../core/hub.ts'
import type { PublishedItem } from '../../core/limits/charge-writing.ts'
import type { Limited, LimitRefusal } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { EVENTS_PER_BATCH_MAX } from '../body.ts'
import { parseJsonBody } from '../json-body.ts'
import { describeChannel, type InfoName, readInfo } from './channel-info.ts'

/** Pusher's bound. */
export const CHANNELS_PER_EVENT_MAX = 100
/** Ours: a batch of ten needs sixty names, and may have more that nobody knows. */
const JSON_BOUNDS = { depthMax: JSON_DEPTH_MAX, memberCountMax: 1_000 }

export interface PublishContext {
  readonly hub: Hub
  readonly space: AppSpace
  readonly principal: ServerPrincipal
  /** Asked once for everything a request publishes, before the first of it goes out. */
  readonly charge: (items: readonly PublishedItem[]) => LimitRefusal | undefined
}

interface Publication {
  readonly event: string
  readonly data: string
  readonly channels: readonly ChannelAddress[]
  readonly socketId: string | undefined
  readonly info: readonly InfoName[] | undefined
}

/** @returns the JSON text of the answer: exactly `{}` unless `info` was asked for. */
export function publishEvent(body: Uint8Array, context: PublishContext): Limited<string> {
  const parsed = parseJsonBody(body, JSON_BOUNDS)
  if (!parsed.ok) return parsed
  const input = parsed.value
  const names = Array.isArray(input['channels']) ? input['channels'] : [input['channel']]
  const publication = readPublication(input, names, context)
  if (!publication.ok) return publication
  if (!context.hub.hasRoom()) return refuse('overloaded')
  const limited = context.charge([publication.value])
  if (limited !== undefined) return limited
  const { info, channels } = publication.value
  publishAll(publication.value, context)
  if (info === undefined) return ok('{}')
  const described = channels.map(
    (channel) => [channel.name, describeChannel(context.space, channel, info)] as const,
  )
  return ok(JSON.stringify({ channels: Object.fromEntries(described) }))
}

/** @returns the JSON text of the answer: exactly `{}` unless an event asked for `info`. */
export function publishBatch(body: Uint8Array, context: PublishContext): Limited<string> {
  const parsed = parseJsonBody(body, JSON_BOUNDS)
  if (!parsed.ok) return parsed
  const { batch } = parsed.value
  if (!Array.isArray(batch)) return refuse('request_malformed', 'The body is {"batch":[...]}.')
  if (batch.length > EVENTS_PER_BATCH_MAX) return refuse('batch_too_large')
  const publications: Publication[] = []
  for (const entry of batch) {
    if (!isJsonObject(entry)) return refuse('request_malformed', 'A batch holds JSON objects.')
    const publication = readPublication(entry, [entry['channel']], context)
    if (!publication.ok) return publication
    publications.push(publication.value)
  }
  if (!context.hub.hasRoom()) return refuse('overloaded')
  const limited = context.charge(publications)
  if (limited !== undefined) return limited
  for (const publication of publications) publishAll(publication, context)
  if (publications.every(({ info }) => info === undefined)) return ok('{}')
  const described = publications.map(({ channels, info }) => {
    const channel = channels[0]
    if (channel === undefined || info === undefined) return {}
    return describeChannel(context.space, channel, info)
  })
  return ok(JSON.stringify({ batch: described }))
}

function readPublication(
  input: Record<string, unknown>,
  channelNames: readonly unknown[],
  context: PublishContext,
): Result<Publication, RefusalCode> {
  const { name: event, data } = input
  const socketId = input['socket_id'] ?? undefined
  if (typeof event !== 'string' || event === '' || event.length > EVENT_NAME_LENGTH_MAX) {
    return refuse('event_name_invalid')
  }
  if (/^pusher(_internal)?:/.test(event)) return refuse('event_reserved')
  if (typeof data !== 'string') return refuse('request_malformed', 'data is a string.')
  if (isLongerThan(data, context.space.app.settings.eventDataBytesMax)) {
    return refuse('event_data_large')
  }
  if (socketId !== undefined && (typeof socketId !== 'string' || !SOCKET_ID.test(socketId))) {
    return refuse('request_malformed', 'socket_id is two numbers with a dot, as the client got it.')
  }
  const channels = readChannels(channelNames, context.principal)
  if (!channels.ok) return channels
  const info = readInfo(input['info'])
  if (!info.ok) return info
  return ok({ event, data, channels: channels.value, socketId, info: info.value })
}

function readChannels(
  names: readonly unknown[],
  principal: ServerPrincipal,
): Result<readonly ChannelAddress[], RefusalCode> {
  if (names.length > CHANNELS_PER_EVENT_MAX) return refuse('channels_too_many')
  const channels = new Map<string, ChannelAddress>()
  for (const name of names) {
    if (typeof name !== 'string')
      return refuse('request_malformed', 'Name the channels as strings.')
    const channel = parseChannelName(name)
    if (!channel.ok) return channel
    const allowed = authorize(principal, 'publish', channel.value)
    if (!allowed.ok) return allowed
    channels.set(name, channel.value)
  }
  const list = [...channels.values()]
  if (list.length === 0) return refuse('request_malformed', 'Name at least one channel.')
  // Each encrypted channel has a key of its own: one cipher text cannot be right for two.
  if (list.length > 1 && list.some(({ kind }) => kind === 'encrypted')) {
    return refuse('channel_kind_unfit', 'An event goes to one encrypted channel at a time.')
  }
  return ok(list)
}

function publishAll({ event, data, channels, socketId }: Publication, context: PublishContext) {
  for (const channel of channels) {
    context.hub.publish(context.space, {
      channel,
      event,
      data,
      origin: 'server',
      userId: undefined,
      exceptConnectionId: socketId,
    })
  }
}
