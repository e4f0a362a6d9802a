/**
 * What topic hubs of different nodes tell each other. The bus is treated as hostile: what does not
 * have exactly the expected shape is dropped. Bytes travel as Base64. Pure.
 */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import { isTopicName } from '@lockgate/protocol/mqtt/topic'
import type { PassedProperties, Qos, TopicMessage } from './topic-message.ts'

export const TOPICS_TOPIC = 'topics'

export interface TopicEnvelope {
  readonly appId: string
  readonly message: TopicMessage
}

/** Envelope, message, properties, the list of user properties, one of these. */
const ENVELOPE_DEPTH_MAX = 5

export function encodeTopicEnvelope({ appId, message }: TopicEnvelope): string {
  // A bridge is asked where a message is published, so other nodes have no use for its marks.
  const { payload, properties, isBridged: _, isOfPage: _page, ...rest } = message
  const { correlationData, ...passed } = properties
  const correlated =
    correlationData === undefined ? {} : { correlationData: correlationData.toBase64() }
  return JSON.stringify({
    appId,
    message: { ...rest, payload: payload.toBase64(), properties: { ...passed, ...correlated } },
  })
}

/** @returns undefined for anything another hub would not have written. */
export function decodeTopicEnvelope(payload: string): TopicEnvelope | undefined {
  const envelope = parseJsonObject(payload, ENVELOPE_DEPTH_MAX)
  if (envelope === undefined) return undefined
  const { appId, message: value, ...more } = envelope
  if (typeof appId !== 'string' || !isEmpty(more)) return undefined
  const message = readMessage(value)
  return message === undefined ? undefined : { appId, message }
}

function readMessage(value: unknown): TopicMessage | undefined {
  if (!isJsonObject(value)) return undefined
  const { topic, payload: text, qos, retain, properties: passed, ...rest } = value
  const { expiresAtMs, publisherId, ...more } = rest
  if (!isEmpty(more) || typeof topic !== 'string' || !isTopicName(topic)) return undefined
  if (!isQos(qos) || typeof retain !== 'boolean') return undefined
  if (!isOptional(expiresAtMs, isTime) || !isOptional(publisherId, isText)) return undefined
  const payload = readBytes(text)
  const properties = readProperties(passed)
  if (payload === undefined || properties === undefined) return undefined
  return { topic, payload, qos, retain, properties, expiresAtMs, publisherId }
}

function readProperties(value: unknown): PassedProperties | undefined {
  if (!isJsonObject(value)) return undefined
  const { payloadFormat, contentType, responseTopic, ...rest } = value
  const { correlationData: text, userProperties, ...more } = rest
  if (!isEmpty(more)) return undefined
  if (!isOptional(payloadFormat, isPayloadFormat) || !isOptional(contentType, isText)) {
    return undefined
  }
  if (!isOptional(responseTopic, isResponseTopic)) return undefined
  if (!isOptional(userProperties, isPairs)) return undefined
  const correlationData = text === undefined ? undefined : readBytes(text)
  if (text !== undefined && correlationData === undefined) return undefined
  return {
    ...(payloadFormat === undefined ? {} : { payloadFormat }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(userProperties === undefined ? {} : { userProperties }),
  }
}

function readBytes(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined
  try {
    return Uint8Array.fromBase64(value, { lastChunkHandling: 'strict' })
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function isOptional<T>(value: unknown, is: (value: unknown) => value is T): value is T | undefined {
  return value === undefined || is(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isQos(value: unknown): value is Qos {
  return value === 0 || value === 1 || value === 2
}

/** 0 bytes, 1 text (§3.3.2.3.2). */
function isPayloadFormat(value: unknown): value is number {
  return value === 0 || value === 1
}

/** Without wildcards [MQTT-3.3.2-14]. */
function isResponseTopic(value: unknown): value is string {
  return typeof value === 'string' && isTopicName(value)
}

function isPairs(value: unknown): value is [string, string][] {
  return Array.isArray(value) && value.every(isPair)
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every(isText)
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}
