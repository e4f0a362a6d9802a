/** Decodes CONNECT, the one packet that comes before anything is known (§3.1). Pure and total. */
import { ok, refuse, type Result } from '../result.ts'
import { ByteReader, isUtf8 } from './bytes.ts'
import type { Connect, ProtocolLevel, Qos, Will } from './packets.ts'
import { NO_PROPERTIES, type Properties, readProperties } from './properties.ts'
import type { DecodeRefusal } from './refusals.ts'
import { isTopicName } from './topic.ts'

type Decoded<T> = Result<T, DecodeRefusal>

const MALFORMED = refuse('malformed' as const)
const FLAG = { reserved: 1, clean: 2, will: 4, retain: 0x20, password: 0x40, username: 0x80 }

export function decodeConnect(body: Uint8Array): Decoded<Connect> {
  const reader = new ByteReader(body)
  const version = readVersion(reader)
  if (!version.ok) return version
  const level = version.value
  const flags = reader.byte()
  const keepAliveSeconds = reader.twoBytes()
  // [MQTT-3.1.2-3]
  if (flags === undefined || keepAliveSeconds === undefined || has(flags, FLAG.reserved)) {
    return MALFORMED
  }
  const properties = level === 4 ? ok(NO_PROPERTIES) : readProperties(reader, 'connect')
  if (!properties.ok) return properties
  const { authenticationMethod, authenticationData } = properties.value
  // §3.1.2.11.10
  if (authenticationData !== undefined && authenticationMethod === undefined) {
    return refuse('protocol_error', 'There is authentication data without a method.')
  }
  const clientId = reader.text()
  if (clientId === undefined) return MALFORMED
  const will = readWill(reader, flags, level)
  if (!will.ok) return will
  const login = readLogin(reader, flags, level)
  // [MQTT-3.1.3-1]: nothing follows.
  if (!login.ok || reader.left > 0) return MALFORMED
  return ok({
    kind: 'connect',
    level,
    clientId,
    cleanStart: has(flags, FLAG.clean),
    keepAliveSeconds,
    ...login.value,
    will: will.value,
    properties: properties.value,
  })
}

/** [MQTT-3.1.2-1], [MQTT-3.1.2-2]: another protocol is not answered, another version is. */
function readVersion(reader: ByteReader): Decoded<ProtocolLevel> {
  const name = reader.text()
  const level = name === undefined ? undefined : reader.byte()
  if (level === undefined || (name !== 'MQTT' && name !== 'MQIsdp')) return MALFORMED
  if (name !== 'MQTT' || (level !== 4 && level !== 5)) {
    return refuse('version_unsupported', 'MQTT 3.1.1 and 5.0 are served.')
  }
  return ok(level)
}

/** §3.1.2.5 to §3.1.2.7, §3.1.3.2 to §3.1.3.4 */
function readWill(
  reader: ByteReader,
  flags: number,
  level: ProtocolLevel,
): Decoded<Will | undefined> {
  const qos = (flags >>> 3) & 3
  if (!has(flags, FLAG.will)) {
    // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
    return qos === 0 && !has(flags, FLAG.retain) ? ok(undefined) : MALFORMED
  }
  // [MQTT-3.1.2-12]
  if (qos === 3) return MALFORMED
  const properties: Decoded<Properties> =
    level === 4 ? ok(NO_PROPERTIES) : readProperties(reader, 'will')
  if (!properties.ok) return properties
  const topic = reader.text()
  const payload = topic === undefined ? undefined : reader.binary()
  if (topic === undefined || payload === undefined) return MALFORMED
  if (!isTopicName(topic)) return refuse('topic_name_invalid', 'The will has no topic name.')
  const checked = checkMessage(properties.value, payload)
  if (!checked.ok) return checked
  const retain = has(flags, FLAG.retain)
  return ok({ topic, payload, qos: qos as Qos, retain, properties: properties.value })
}

/** What holds for a message and for a will. */
export function checkMessage(properties: Properties, payload: Uint8Array): Decoded<true> {
  const { responseTopic, payloadFormat } = properties
  // [MQTT-3.3.2-14]
  if (responseTopic !== undefined && !isTopicName(responseTopic)) {
    return refuse('topic_name_invalid', 'The response topic is no topic name.')
  }
  // §3.3.2.3.2: what says it is text and is none would break those who read it.
  if (payloadFormat === 1 && !isUtf8(payload)) {
    return refuse('payload_format_invalid', 'The payload is not UTF-8.')
  }
  return ok(true)
}

function readLogin(
  reader: ByteReader,
  flags: number,
  level: ProtocolLevel,
): Decoded<Pick<Connect, 'username' | 'password'>> {
  const hasUsername = has(flags, FLAG.username)
  const hasPassword = has(flags, FLAG.password)
  // [MQTT-3.1.2-22] of 3.1.1; 5.0 allows a password alone (§3.1.2.9).
  if (level === 4 && hasPassword && !hasUsername) return MALFORMED
  const username = hasUsername ? reader.text() : undefined
  if (hasUsername && username === undefined) return MALFORMED
  const password = hasPassword ? reader.binary() : undefined
  if (hasPassword && password === undefined) return MALFORMED
  return ok({ username, password })
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0
}
