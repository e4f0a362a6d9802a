/**
 * Encodes what an MQTT server sends. Pure. Texts and lists are those of decoded packets or of the
 * server itself, so their bounds hold already.
 */
import { ByteWriter, utf8Size, variableIntegerSize } from './bytes.ts'
import {
  type Acknowledgement,
  type Auth,
  type Connack,
  type Disconnect,
  PACKET,
  type PacketType,
  type ProtocolLevel,
  type Publish,
  type ServerPacket,
  type Suback,
} from './packets.ts'
import { NO_PROPERTIES, type Properties, sizeOfProperties, writeProperties } from './properties.ts'
import { FAILURE_FROM, REASON, type ReasonCode, returnCodeOf } from './reason-codes.ts'

/** @returns the bytes of one packet; PINGRESP is shared and must not be changed. */
export function encodePacket(packet: ServerPacket, level: ProtocolLevel): Uint8Array {
  switch (packet.kind) {
    case 'publish':
      return encodePublish(packet, level)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return encodeAcknowledgement(packet, level)
    case 'connack':
      return encodeConnack(packet, level)
    case 'suback':
    case 'unsuback':
      return encodeSuback(packet, level)
    case 'pingresp':
      return PINGRESP
    case 'disconnect':
      return encodeReason(PACKET.disconnect, packet, level)
    case 'auth':
      return encodeReason(PACKET.auth, packet, level)
    default:
      return packet satisfies never
  }
}

const PINGRESP = new Uint8Array([PACKET.pingresp << 4, 0])

/** §3.3. MQTT 3.1.1 has no properties, so what it cannot say is left out. */
export function encodePublish(packet: Publish, level: ProtocolLevel): Uint8Array {
  const { topic, payload, qos, retain, duplicate, packetId, properties } = packet
  const topicSize = utf8Size(topic)
  const propertiesSize = level === 4 ? 0 : sizeOfProperties(properties)
  const length = 2 + topicSize + (qos > 0 ? 2 : 0) + propertiesSize + payload.length
  const flags = (duplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  const writer = begin(PACKET.publish, flags, length)
  writer.text(topic)
  if (qos > 0) writer.twoBytes(packetId)
  if (level !== 4) writeProperties(writer, properties)
  writer.raw(payload)
  return writer.bytes
}

/** §3.4 to §3.7; success without properties is two bytes shorter (§3.4.2.1). */
function encodeAcknowledgement(packet: Acknowledgement, level: ProtocolLevel): Uint8Array {
  const { kind, packetId, reason, properties } = packet
  const flags = kind === 'pubrel' ? 2 : 0
  if (level === 4 || (reason === REASON.success && properties === NO_PROPERTIES)) {
    const writer = begin(PACKET[kind], flags, 2)
    writer.twoBytes(packetId)
    return writer.bytes
  }
  const writer = begin(PACKET[kind], flags, 3 + sizeOfProperties(properties))
  writer.twoBytes(packetId)
  writer.byte(reason)
  writeProperties(writer, properties)
  return writer.bytes
}

/** §3.2; a refused client has no session [MQTT-3.2.2-6]. */
function encodeConnack(packet: Connack, level: ProtocolLevel): Uint8Array {
  const { reason, properties } = packet
  const sessionPresent = packet.sessionPresent && reason === REASON.success ? 1 : 0
  if (level === 4) {
    const writer = begin(PACKET.connack, 0, 2)
    writer.byte(sessionPresent)
    writer.byte(returnCodeOf(reason))
    return writer.bytes
  }
  const writer = begin(PACKET.connack, 0, 2 + sizeOfProperties(properties))
  writer.byte(sessionPresent)
  writer.byte(reason)
  writeProperties(writer, properties)
  return writer.bytes
}

/** SUBACK of MQTT 3.1.1 knows one failure (§3.9.3 there), its UNSUBACK no reasons at all. */
function encodeSuback(packet: Suback, level: ProtocolLevel): Uint8Array {
  const { kind, packetId, properties } = packet
  const reasons = level === 4 ? oldReasons(packet) : packet.reasons
  const propertiesSize = level === 4 ? 0 : sizeOfProperties(properties)
  const writer = begin(PACKET[kind], 0, 2 + propertiesSize + reasons.length)
  writer.twoBytes(packetId)
  if (level !== 4) writeProperties(writer, properties)
  for (const reason of reasons) writer.byte(reason)
  return writer.bytes
}

function oldReasons({ kind, reasons }: Suback): readonly ReasonCode[] {
  if (kind === 'unsuback') return []
  return reasons.map((reason) => (reason >= FAILURE_FROM ? REASON.unspecifiedError : reason))
}

/** §3.14, §3.15: nothing but success is the empty packet. MQTT 3.1.1 servers send neither. */
function encodeReason(
  type: typeof PACKET.disconnect | typeof PACKET.auth,
  { reason, properties }: Disconnect | Auth,
  level: ProtocolLevel,
): Uint8Array {
  if (level === 4) throw new Error('MQTT 3.1.1 servers send neither DISCONNECT nor AUTH')
  if (reason === REASON.success && properties === NO_PROPERTIES) return begin(type, 0, 0).bytes
  const writer = begin(type, 0, 1 + sizeOfProperties(properties))
  writer.byte(reason)
  writeProperties(writer, properties)
  return writer.bytes
}

/** A packet whose properties would make it larger than its receiver takes goes without them. */
export function withoutText(properties: Properties): Properties {
  const { reasonString: _reason, userProperties: _user, ...rest } = properties
  return rest
}

function begin(type: PacketType, flags: number, length: number): ByteWriter {
  const writer = new ByteWriter(1 + variableIntegerSize(length) + length)
  writer.byte((type << 4) | flags)
  writer.variableInteger(length)
  return writer
}
