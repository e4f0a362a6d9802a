/**
 * What no broker takes, found before it is sent: a broker closes the connection for it, and with
 * QoS 1 or 2 it would be sent again on the next one, without end. MQTT 5.0 §1.5.4, §3.3. Pure.
 */
import type { Outgoing } from './outbound.ts'
import type { PublishOptions } from './publish-options.ts'

/** A string has its length in two bytes (§1.5.4). */
const TEXT_BYTES_MAX = 65_535
/** Type, remaining length, identifier, length of topic and of properties, at their longest. */
const FRAME_BYTES = 1 + 4 + 2 + 2 + 4
/** Payload format and expiry, each with its identifier (§3.3.2.3). */
const FIXED_PROPERTY_BYTES = 2 + 5
/** Identifier and length of a property of text or bytes. */
const PROPERTY_BYTES = 3
/** Of a user property: identifier and two lengths. */
const USER_PROPERTY_BYTES = 5

const encoder = new TextEncoder()

/** Well formed, without U+0000 [MQTT-1.5.4-1, MQTT-1.5.4-2], and not too long. */
export function isMqttText(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > TEXT_BYTES_MAX) return false
  // A surrogate without its other half.
  if (/\0|\p{Surrogate}/u.test(text)) return false
  return byteCount(text) <= TEXT_BYTES_MAX
}

/** @returns which part of a message is malformed; undefined: none. */
export function malformedPart(topic: string, options: PublishOptions): string | undefined {
  const { contentType = '', responseTopic, correlationData, userProperties } = options
  if (!isTopicName(topic)) return 'topic'
  if (!isMqttText(contentType)) return 'contentType'
  if (responseTopic !== undefined && !isTopicName(responseTopic)) return 'responseTopic'
  if ((correlationData?.length ?? 0) > TEXT_BYTES_MAX) return 'correlationData'
  const texts = Object.entries(userProperties ?? {}).flat(2)
  return texts.every(isMqttText) ? undefined : 'userProperties'
}

/** @returns how long the packet is at most; less than 32 bytes too many. */
export function packetBytesMax({ topic, payload, options }: Outgoing): number {
  const { contentType = '', responseTopic = '' } = options.properties ?? {}
  const { correlationData, userProperties } = options.properties ?? {}
  const pairs = Object.entries(userProperties ?? {}).flatMap(([name, value]) =>
    [value].flat().map((each) => USER_PROPERTY_BYTES + byteCount(name) + byteCount(each)),
  )
  const texts = [topic, contentType, responseTopic].map(byteCount)
  const bytes = [payload.length, correlationData?.length ?? 0, ...texts, ...pairs]
  const fixed = FRAME_BYTES + FIXED_PROPERTY_BYTES + 3 * PROPERTY_BYTES
  return bytes.reduce((sum, each) => sum + each, fixed)
}

/** [MQTT-3.3.2-2], [MQTT-3.3.2-14] */
function isTopicName(text: unknown): boolean {
  return isMqttText(text) && text !== '' && !/[+#]/.test(text)
}

function byteCount(text: string): number {
  return encoder.encode(text).length
}
