/**
 * What hubs of messages on different nodes tell each other. The bus is treated as hostile: what
 * does not have exactly the expected shape is dropped. Pure.
 */
import { isJsonObject, nestsDeeperThan, parseJsonObject } from '@lockgate/protocol/bytes'
import type { ChannelMessage } from './messages.ts'

export const MESSAGES_TOPIC = 'messages'

export interface MessageEnvelope {
  readonly appId: string
  readonly message: ChannelMessage
  readonly isKept: boolean
}

/** Envelope and message; data travels as text. */
const ENVELOPE_DEPTH_MAX = 2
/** No session takes more. */
const DATA_DEPTH_MAX = 64

export function encodeMessageEnvelope({ appId, message, isKept }: MessageEnvelope): string {
  const { channel, id, data, publisherId, timestampMs, sequence } = message
  const sent = { channel, id, data, publisherId, timestampMs, sequence }
  return JSON.stringify({ appId, message: sent, isKept })
}

/** @returns undefined for anything another hub would not have written. */
export function decodeMessageEnvelope(payload: string): MessageEnvelope | undefined {
  const envelope = parseJsonObject(payload, ENVELOPE_DEPTH_MAX)
  if (envelope === undefined) return undefined
  const { appId, message: value, isKept, ...more } = envelope
  if (typeof appId !== 'string' || typeof isKept !== 'boolean' || !isEmpty(more)) return undefined
  const message = readMessage(value)
  return message === undefined ? undefined : { appId, message, isKept }
}

function readMessage(value: unknown): ChannelMessage | undefined {
  if (!isJsonObject(value)) return undefined
  const { channel, id, data, publisherId, timestampMs, sequence, ...more } = value
  if (!isText(channel) || !isText(id) || !isText(publisherId) || !isJson(data)) return undefined
  if (!isCount(timestampMs) || !isCount(sequence) || !isEmpty(more)) return undefined
  return { channel, id, data, publisherId, timestampMs, sequence }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

/** It is put into frames as it is. */
function isJson(value: unknown): value is string {
  if (typeof value !== 'string' || nestsDeeperThan(value, DATA_DEPTH_MAX)) return false
  try {
    JSON.parse(value)
    return true
  } catch (error) {
    if (error instanceof SyntaxError) return false
    throw error
  }
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
