/**
 * What hubs of different nodes tell each other. The bus is treated as hostile: what does not have
 * exactly the expected shape is dropped. Pure.
 */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import type { ChannelAddress, ChannelKind } from './channel.ts'
import type { Message } from './encoder.ts'

export const HUB_TOPIC = 'hub'

export type Envelope =
  | { readonly appId: string; readonly message: Message }
  | { readonly appId: string; readonly terminateUserId: string }

/** An envelope nests three levels; data travels as text inside it. */
const ENVELOPE_DEPTH_MAX = 3

const CHANNEL_KINDS: readonly ChannelKind[] = ['public', 'private', 'encrypted', 'presence', 'user']

export function encodeEnvelope(envelope: Envelope): string {
  return JSON.stringify(envelope)
}

/** @returns undefined for anything another hub would not have written. */
export function decodeEnvelope(payload: string): Envelope | undefined {
  const envelope = parseJsonObject(payload, ENVELOPE_DEPTH_MAX)
  const appId = envelope?.['appId']
  if (envelope === undefined || typeof appId !== 'string') return undefined
  const terminateUserId = envelope['terminateUserId']
  if (typeof terminateUserId === 'string') return { appId, terminateUserId }
  const message = readMessage(envelope['message'])
  return message === undefined ? undefined : { appId, message }
}

function readMessage(value: unknown): Message | undefined {
  if (!isJsonObject(value)) return undefined
  const { event, data, origin, userId, exceptConnectionId } = value
  const channel = readAddress(value['channel'])
  if (channel === undefined || typeof event !== 'string' || typeof data !== 'string')
    return undefined
  if (origin !== 'server' && origin !== 'client') return undefined
  if (!isOptionalText(userId) || !isOptionalText(exceptConnectionId)) return undefined
  return { channel, event, data, origin, userId, exceptConnectionId }
}

function readAddress(value: unknown): ChannelAddress | undefined {
  if (!isJsonObject(value)) return undefined
  const { name, isCache, ownerId } = value
  const kind = CHANNEL_KINDS.find((known) => known === value['kind'])
  if (typeof name !== 'string' || kind === undefined || typeof isCache !== 'boolean')
    return undefined
  return isOptionalText(ownerId) ? { name, kind, isCache, ownerId } : undefined
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string'
}
