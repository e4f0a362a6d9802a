/** The body of a call that publishes, as a message; each refusal names its field. Pure. */
import { isJsonObject } from '@lockgate/protocol/bytes'
import { isTopicName } from '@lockgate/protocol/mqtt/topic'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import { isReservedTopic } from '../../core/topics/topic-hub.ts'
import type { PassedProperties, Qos, TopicMessage } from '../../core/topics/topic-message.ts'
import type { JsonObject } from '../json-body.ts'

/** A string of MQTT has its length in two bytes (§1.5.4). */
const TEXT_BYTES_MAX = 65_535
/** Ours; they travel with every delivery. */
const USER_PROPERTY_COUNT_MAX = 64
/** Seconds in four bytes (§3.3.2.3.3). */
const EXPIRY_SECONDS_MAX = 0xffff_ffff

type Read<T> = Result<T, 'request_malformed' | 'topic_invalid'>

export interface PublishBounds {
  readonly defaultQos: Qos
  readonly nowMs: number
}

const encoder = new TextEncoder()

/** @returns the message; how long its payload may be is the caller's to say. */
export function readMessage(body: JsonObject, bounds: PublishBounds): Read<TopicMessage> {
  const topic = readTopic(body['topic'])
  if (!topic.ok) return topic
  const payload = readPayload(body['payload'])
  if (!payload.ok) return payload
  const { qos = bounds.defaultQos, retain = false } = body
  if (qos !== 0 && qos !== 1 && qos !== 2) return malformed('qos is 0, 1 or 2.')
  if (typeof retain !== 'boolean') return malformed('retain is true or false.')
  const expiry = body['message_expiry']
  if (expiry !== undefined && !isSeconds(expiry)) return malformed('message_expiry is seconds.')
  const properties = readProperties(body)
  if (!properties.ok) return properties
  return ok({
    topic: topic.value,
    payload: payload.value,
    qos,
    retain,
    properties: properties.value,
    expiresAtMs: expiry === undefined ? undefined : bounds.nowMs + expiry * 1_000,
    publisherId: undefined,
  })
}

function readTopic(topic: unknown): Read<string> {
  if (topic === undefined || topic === null) return malformed('topic is missing.')
  if (typeof topic !== 'string' || topic === '') return malformed('topic is a text.')
  if (!isText(topic) || !isTopicName(topic)) return refuse('topic_invalid', TOPIC_TEXT)
  return isReservedTopic(topic) ? refuse('topic_invalid', RESERVED_TEXT) : ok(topic)
}

/** An object is published as its JSON text, a text as its bytes. */
function readPayload(payload: unknown): Read<Uint8Array> {
  if (payload === undefined || payload === null) return malformed('payload is missing.')
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  // Bytes that stand for half a character are none of UTF-8.
  if (!text.isWellFormed()) return malformed('payload is well-formed Unicode.')
  return ok(encoder.encode(text))
}

function readProperties(body: JsonObject): Read<PassedProperties> {
  const { content_type: contentType, response_topic: responseTopic } = body
  const { correlation_data: correlation, user_properties: named } = body
  for (const [name, value] of Object.entries({
    content_type: contentType,
    correlation_data: correlation,
  })) {
    if (value !== undefined && !isText(value)) return malformed(`${name} is a text.`)
  }
  // [MQTT-3.3.2-14]: no wildcard.
  const isTopic = isText(responseTopic) && isTopicName(responseTopic)
  if (responseTopic !== undefined && !isTopic) return malformed('response_topic is a topic.')
  const userProperties = readUserProperties(named)
  if (!userProperties.ok) return userProperties
  return ok({
    ...(isText(contentType) ? { contentType } : {}),
    ...(isText(responseTopic) ? { responseTopic } : {}),
    ...(isText(correlation) ? { correlationData: encoder.encode(correlation) } : {}),
    ...(userProperties.value.length === 0 ? {} : { userProperties: userProperties.value }),
  })
}

/** An object of texts; in the order it was written. */
function readUserProperties(named: unknown): Read<readonly (readonly [string, string])[]> {
  if (named === undefined) return ok([])
  if (!isJsonObject(named)) return malformed(PROPERTIES_TEXT)
  const pairs: [string, string][] = []
  for (const [name, value] of Object.entries(named)) {
    if (!isText(name) || !isText(value)) return malformed(PROPERTIES_TEXT)
    pairs.push([name, value])
  }
  return pairs.length > USER_PROPERTY_COUNT_MAX ? malformed(PROPERTIES_TEXT) : ok(pairs)
}

/** A string as MQTT has it: well formed, without U+0000, its length in two bytes (§1.5.4). */
function isText(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > TEXT_BYTES_MAX) return false
  if (!value.isWellFormed() || value.includes('\0')) return false
  return Buffer.byteLength(value) <= TEXT_BYTES_MAX
}

function isSeconds(value: unknown): value is number {
  return (
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= 0 &&
    value <= EXPIRY_SECONDS_MAX
  )
}

function malformed(detail: string) {
  return refuse('request_malformed' as const, detail)
}

const TOPIC_TEXT =
  'topic has 1 to 65535 bytes and at most 128 levels, without wildcards and without U+0000.'
const RESERVED_TEXT = 'Nobody publishes to topics below $SYS and $share.'
const PROPERTIES_TEXT = `user_properties is an object of at most ${USER_PROPERTY_COUNT_MAX} texts.`
