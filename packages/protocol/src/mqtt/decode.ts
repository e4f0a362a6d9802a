/**
 * Decodes what an MQTT client sends: 3.1.1 and 5.0. Pure and total: any body gives a packet or a
 * refusal, never an exception. Views into what was received are said so in `packets.ts`.
 */
import { ok, refuse, type Result } from '../result.ts'
import { ByteReader } from './bytes.ts'
import { checkMessage, decodeConnect } from './decode-connect.ts'
import type { RawPacket } from './framer.ts'
import {
  type Acknowledgement,
  type Auth,
  type ClientPacket,
  type Disconnect,
  PACKET,
  type ProtocolLevel,
  type Publish,
  type Qos,
  type Subscribe,
  type SubscriptionRequest,
  type Unsubscribe,
} from './packets.ts'
import { NO_PROPERTIES, type Properties, type PropertyPlace, readProperties } from './properties.ts'
import { REASON, type ReasonCode } from './reason-codes.ts'
import type { DecodeRefusal } from './refusals.ts'
import { isTopicFilter, isTopicName, splitShared } from './topic.ts'

type Decoded<T> = Result<T, DecodeRefusal>

const MALFORMED = refuse('malformed' as const)
/** Our bound on the filters of one packet: a megabyte of them would hold up everybody else. */
export const FILTER_COUNT_MAX = 10_000

/** @param level of the CONNECT of this connection; 5 until there was one. */
export function decodePacket(packet: RawPacket, level: ProtocolLevel): Decoded<ClientPacket> {
  const { body } = packet
  switch (packet.type) {
    case PACKET.connect:
      return decodeConnect(body)
    case PACKET.publish:
      return decodePublish(packet, level)
    case PACKET.puback:
      return decodeAcknowledgement('puback', body, level)
    case PACKET.pubrec:
      return decodeAcknowledgement('pubrec', body, level)
    case PACKET.pubrel:
      return decodeAcknowledgement('pubrel', body, level)
    case PACKET.pubcomp:
      return decodeAcknowledgement('pubcomp', body, level)
    case PACKET.subscribe:
      return decodeSubscribe(body, level)
    case PACKET.unsubscribe:
      return decodeUnsubscribe(body, level)
    case PACKET.pingreq:
      return body.length === 0 ? ok({ kind: 'pingreq' }) : MALFORMED
    case PACKET.disconnect:
      return decodeDisconnect(body, level)
    case PACKET.auth:
      // MQTT 3.1.1 has no packet of this type (§2.2.1 there).
      return level === 5 ? decodeAuth(body) : MALFORMED
    default:
      return MALFORMED
  }
}

/** §3.3 */
function decodePublish({ flags, body }: RawPacket, level: ProtocolLevel): Decoded<Publish> {
  const qos = (flags >>> 1) & 3
  const duplicate = (flags & 8) !== 0
  // [MQTT-3.3.1-4], [MQTT-3.3.1-2]
  if (!isQos(qos) || (duplicate && qos === 0)) return MALFORMED
  const reader = new ByteReader(body)
  const topic = reader.text()
  const packetId = qos === 0 ? 0 : reader.twoBytes()
  // [MQTT-2.2.1-3]
  if (topic === undefined || packetId === undefined || (qos > 0 && packetId === 0)) return MALFORMED
  const properties = readLevelled(reader, 'publish', level)
  if (!properties.ok) return properties
  const payload = reader.rest()
  const checked = checkPublish(topic, properties.value, payload)
  if (!checked.ok) return checked
  return ok({
    kind: 'publish',
    topic,
    payload,
    qos,
    retain: (flags & 1) !== 0,
    duplicate,
    packetId,
    properties: properties.value,
  })
}

function checkPublish(topic: string, properties: Properties, payload: Uint8Array): Decoded<true> {
  // §3.3.2.3.4: 0 is no alias.
  if (properties.topicAlias === 0) return refuse('topic_alias_invalid')
  // §3.3.2.1
  if (topic === '' && properties.topicAlias === undefined) {
    return refuse('protocol_error', 'There is neither a topic nor an alias for one.')
  }
  if (topic !== '' && !isTopicName(topic)) return refuse('topic_name_invalid')
  // [MQTT-3.3.4-6]
  if (properties.subscriptionIds !== undefined) return refuse('protocol_error')
  return checkMessage(properties, payload)
}

type AcknowledgementKind = Acknowledgement['kind']

const RECEIVED_REASONS: ReadonlySet<number> = new Set<number>([
  REASON.success,
  REASON.noMatchingSubscribers,
  REASON.unspecifiedError,
  REASON.implementationSpecificError,
  REASON.notAuthorized,
  REASON.topicNameInvalid,
  REASON.packetIdentifierInUse,
  REASON.quotaExceeded,
  REASON.payloadFormatInvalid,
])
const RELEASED_REASONS: ReadonlySet<number> = new Set<number>([
  REASON.success,
  REASON.packetIdentifierNotFound,
])
/** §3.4.2.1, §3.5.2.1, §3.6.2.1, §3.7.2.1 */
const ACKNOWLEDGEMENT_REASONS: Readonly<Record<AcknowledgementKind, ReadonlySet<number>>> = {
  puback: RECEIVED_REASONS,
  pubrec: RECEIVED_REASONS,
  pubrel: RELEASED_REASONS,
  pubcomp: RELEASED_REASONS,
}

/** §3.4 to §3.7: a reason and properties that say nothing may be left out. */
function decodeAcknowledgement(
  kind: AcknowledgementKind,
  body: Uint8Array,
  level: ProtocolLevel,
): Decoded<Acknowledgement> {
  const reader = new ByteReader(body)
  const packetId = reader.twoBytes()
  if (packetId === undefined || packetId === 0) return MALFORMED
  if (reader.left === 0) {
    return ok({ kind, packetId, reason: REASON.success, properties: NO_PROPERTIES })
  }
  if (level === 4) return MALFORMED
  const told = readReason(reader, ACKNOWLEDGEMENT_REASONS[kind], 'acknowledgement')
  return told.ok ? ok({ kind, packetId, ...told.value }) : told
}

/** §3.8 */
function decodeSubscribe(body: Uint8Array, level: ProtocolLevel): Decoded<Subscribe> {
  const reader = new ByteReader(body)
  const packetId = reader.twoBytes()
  if (packetId === undefined || packetId === 0) return MALFORMED
  const properties = readLevelled(reader, 'subscribe', level)
  if (!properties.ok) return properties
  const subscriptions: SubscriptionRequest[] = []
  while (reader.left > 0) {
    const subscription = readSubscription(reader, level)
    if (!subscription.ok) return subscription
    if (subscriptions.length >= FILTER_COUNT_MAX) return refuse('too_many_filters')
    subscriptions.push(subscription.value)
  }
  // [MQTT-3.8.3-2]
  if (subscriptions.length === 0) return refuse('protocol_error', 'There is no topic filter.')
  return ok({ kind: 'subscribe', packetId, subscriptions, properties: properties.value })
}

function readSubscription(reader: ByteReader, level: ProtocolLevel): Decoded<SubscriptionRequest> {
  const filter = reader.text()
  const options = filter === undefined ? undefined : reader.byte()
  if (filter === undefined || options === undefined) return MALFORMED
  const qos = options & 3
  const retainHandling = (options >>> 4) & 3
  // [MQTT-3.8.3-5]; in 3.1.1 the upper six bits are reserved [MQTT-3-8.3-4].
  const isReserved = level === 4 ? options > 2 : options > 0x3f || retainHandling === 3
  if (!isQos(qos) || isReserved) return MALFORMED
  if (!isTopicFilter(filter)) return refuse('topic_filter_invalid')
  const noLocal = (options & 4) !== 0
  // [MQTT-3.8.3-4]
  if (noLocal && splitShared(filter) !== undefined) {
    return refuse('protocol_error', 'A shared subscription cannot have No Local.')
  }
  return ok({
    filter,
    qos,
    noLocal,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  })
}

/** §3.10 */
function decodeUnsubscribe(body: Uint8Array, level: ProtocolLevel): Decoded<Unsubscribe> {
  const reader = new ByteReader(body)
  const packetId = reader.twoBytes()
  if (packetId === undefined || packetId === 0) return MALFORMED
  const properties = readLevelled(reader, 'unsubscribe', level)
  if (!properties.ok) return properties
  const filters: string[] = []
  while (reader.left > 0) {
    const filter = reader.text()
    if (filter === undefined) return MALFORMED
    if (!isTopicFilter(filter)) return refuse('topic_filter_invalid')
    if (filters.length >= FILTER_COUNT_MAX) return refuse('too_many_filters')
    filters.push(filter)
  }
  // [MQTT-3.10.3-2]
  if (filters.length === 0) return refuse('protocol_error', 'There is no topic filter.')
  return ok({ kind: 'unsubscribe', packetId, filters, properties: properties.value })
}

/** §3.14.2.1: what a client may say. */
const DISCONNECT_REASONS: ReadonlySet<number> = new Set<number>([
  REASON.success,
  REASON.disconnectWithWill,
  REASON.unspecifiedError,
  REASON.malformedPacket,
  REASON.protocolError,
  REASON.implementationSpecificError,
  REASON.topicNameInvalid,
  REASON.receiveMaximumExceeded,
  REASON.topicAliasInvalid,
  REASON.packetTooLarge,
  REASON.messageRateTooHigh,
  REASON.quotaExceeded,
  REASON.administrativeAction,
  REASON.payloadFormatInvalid,
])

function decodeDisconnect(body: Uint8Array, level: ProtocolLevel): Decoded<Disconnect> {
  if (body.length === 0) {
    return ok({ kind: 'disconnect', reason: REASON.success, properties: NO_PROPERTIES })
  }
  if (level === 4) return MALFORMED
  const told = readReason(new ByteReader(body), DISCONNECT_REASONS, 'disconnect')
  if (!told.ok) return told
  // [MQTT-3.14.2-2] and table 2-4: a server reference comes from a server.
  if (told.value.properties.serverReference !== undefined) return refuse('protocol_error')
  return ok({ kind: 'disconnect', ...told.value })
}

/** §3.15.2.1: success is the server's to say. */
const AUTH_REASONS: ReadonlySet<number> = new Set<number>([
  REASON.continueAuthentication,
  REASON.reauthenticate,
])

function decodeAuth(body: Uint8Array): Decoded<Auth> {
  const told = readReason(new ByteReader(body), AUTH_REASONS, 'auth')
  if (!told.ok) return told
  // §3.15.2.2.2
  if (told.value.properties.authenticationMethod === undefined) {
    return refuse('protocol_error', 'AUTH names no authentication method.')
  }
  return ok({ kind: 'auth', ...told.value })
}

/** A reason code, and properties unless the packet ends before them. */
function readReason(
  reader: ByteReader,
  allowed: ReadonlySet<number>,
  place: PropertyPlace,
): Decoded<{ readonly reason: ReasonCode; readonly properties: Properties }> {
  const reason = reader.byte()
  if (reason === undefined) return MALFORMED
  if (!allowed.has(reason)) return refuse('protocol_error', 'The reason code is not for this.')
  const properties = reader.left === 0 ? ok(NO_PROPERTIES) : readProperties(reader, place)
  if (!properties.ok) return properties
  if (reader.left > 0) return MALFORMED
  return ok({ reason: reason as ReasonCode, properties: properties.value })
}

function readLevelled(
  reader: ByteReader,
  place: PropertyPlace,
  level: ProtocolLevel,
): Decoded<Properties> {
  return level === 4 ? ok(NO_PROPERTIES) : readProperties(reader, place)
}

function isQos(value: number): value is Qos {
  return value < 3
}
