/**
 * PUBLISH of a client (§3.3): who may, how much, to whom; and its acknowledgement, which leaves
 * once what it promises is written. A denied or limited one is told in PUBACK or PUBREC; where a
 * packet cannot say so, the app says whether it is dropped or ends the connection.
 */
import type { Acknowledgement, Publish } from '@lockgate/protocol/mqtt/packets'
import { NO_PROPERTIES, type Properties } from '@lockgate/protocol/mqtt/properties'
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import type { RefusalCode } from '../../core/refusals.ts'
import type { PassedProperties, TopicMessage } from '../../core/topics/topic-message.ts'
import { acknowledgement } from './answers.ts'
import type { MqttClient } from './client.ts'
import { recordDenied } from './denials.ts'
import type { PublishRefusal } from './mqtt-figures.ts'

interface Refused {
  readonly why: PublishRefusal
  readonly reason: ReasonCode
  readonly refusal: RefusalCode
  readonly text: string
}

const DENIED: Refused = {
  why: 'denied',
  reason: REASON.notAuthorized,
  refusal: 'operation_denied',
  text: 'The rules do not allow to publish this here.',
}
const LIMITED: Refused = {
  why: 'limited',
  reason: REASON.quotaExceeded,
  refusal: 'rate_limited',
  text: 'A limit is reached. Publish less, or later.',
}
const LARGE: Refused = {
  why: 'large',
  reason: REASON.quotaExceeded,
  refusal: 'event_data_large',
  text: 'The payload is larger than the app takes.',
}

const UNKEPT: Refused = {
  why: 'unkept',
  reason: REASON.quotaExceeded,
  refusal: 'unavailable',
  text: 'It cannot be kept now. Send it again later.',
}

const UNRETAINED: Refused = {
  why: 'unretained',
  reason: REASON.quotaExceeded,
  refusal: 'topics_full',
  text: 'It was delivered, and is not retained: no more can be.',
}

export function takePublish(client: MqttClient, packet: Publish): void {
  const { qos, packetId } = packet
  const topic = client.resolveAlias(packet.topic, packet.properties.topicAlias)
  if (topic === undefined) return
  const { journal } = client.state
  const { writeCount } = journal
  const taken = qos === 2 ? client.state.take(packetId) : 'taken'
  // [MQTT-4.3.3-10]: a repetition of one that was taken is acknowledged, and nothing else.
  if (taken === 'repeated') {
    return acknowledge(client, packet, { reason: REASON.success, writeCount })
  }
  const refused = taken === 'refused' ? UNKEPT : judge(client, topic, packet)
  if (refused !== undefined) return refuse(client, packet, { ...refused, writeCount })
  const { refusedCount } = journal
  const outcome = publish(client, packet, messageOf(client, topic, packet))
  client.deps.figures.published++
  if (qos === 0) return client.unanswered(writeCount)
  // Not all who should have it could be promised it.
  if (journal.refusedCount !== refusedCount) {
    return refuse(client, packet, { ...UNKEPT, writeCount })
  }
  // Delivered, and not there for later ones: 3.1.1 has no way to say that, and goes on.
  if (outcome.retained === 'full' && client.terms.level === 5) {
    return refuse(client, packet, { ...UNRETAINED, writeCount })
  }
  const reason = outcome.receiverCount === 0 ? REASON.noMatchingSubscribers : REASON.success
  acknowledge(client, packet, { reason, writeCount })
}

/** PUBREC (§3.5) for a message of ours; the PUBREL follows by itself. */
export function takePubrec(client: MqttClient, { packetId, reason }: Acknowledgement): void {
  if (client.state.received(packetId, reason)) return
  client.sendPubrel(packetId, REASON.packetIdentifierNotFound)
}

/**
 * PUBREL (§3.6): from here on the packet id is free. In a session that was resumed one that is not
 * known is said again, because its PUBCOMP was lost: no error (§3.7.2.1), and clients that read
 * 0x92 as one would take a message that was published for one that was not.
 */
export function takePubrel(client: MqttClient, { packetId }: Acknowledgement): void {
  const { writeCount } = client.state.journal
  const isKnown = client.state.release(packetId)
  const isFine = isKnown || client.isResumed
  const reason = isFine ? REASON.success : REASON.packetIdentifierNotFound
  client.answer(acknowledgement('pubcomp', { packetId, reason }, client.terms), writeCount)
}

/** @throws Outage when it could not be told to other nodes: then nobody got it. */
function publish(client: MqttClient, { qos, packetId }: Publish, message: TopicMessage) {
  try {
    return client.deps.topics.publish(client.space, message)
  } catch (error) {
    // What is sent again under this packet id is no repetition.
    if (qos === 2) client.state.release(packetId)
    throw error
  }
}

function judge(client: MqttClient, topic: string, packet: Publish): Refused | undefined {
  const { qos, retain, payload } = packet
  const { rules, limits } = client.kept()
  if (!rules.mayPublish(topic, qos, retain)) {
    recordDenied(client, { action: 'publish', topic, qos, retain })
    return DENIED
  }
  if (payload.length > client.space.app.settings.mqttPayloadBytesMax) return LARGE
  return limits.mayPublish(topic, payload) ? undefined : LIMITED
}

function refuse(
  client: MqttClient,
  packet: Publish,
  refused: Refused & { readonly writeCount: number },
): void {
  const { why, reason, refusal, text, writeCount } = refused
  client.deps.figures.refusedPublish(why)
  client.deps.tally.refused(refusal)
  // A PUBREC that says no ends the flow: the packet id is free (§4.3.3).
  if (packet.qos === 2) client.state.release(packet.packetId)
  const canSay = client.terms.level === 5 && packet.qos > 0
  if (canSay) return acknowledge(client, packet, { reason, text, writeCount })
  if (policyOf(client, why) === 'disconnect') {
    client.end(refusal)
    return
  }
  // MQTT 3.1.1 knows no other answer [MQTT-3.3.5-2]; it was dropped.
  if (packet.qos > 0) acknowledge(client, packet, { reason: REASON.success, writeCount })
}

function policyOf({ space }: MqttClient, why: PublishRefusal): 'drop' | 'disconnect' {
  const { mqttDeniedPublish, mqttLimitedPublish } = space.app.settings
  // Nothing is acknowledged that a crash could lose: the client has to send it again.
  if (why === 'unkept') return 'disconnect'
  return why === 'denied' ? mqttDeniedPublish : mqttLimitedPublish
}

function acknowledge(
  client: MqttClient,
  { qos, packetId }: Publish,
  of: { readonly reason: ReasonCode; readonly text?: string; readonly writeCount: number },
): void {
  if (qos === 0) return
  const { writeCount, ...rest } = of
  const kind = qos === 1 ? 'puback' : 'pubrec'
  client.answer(acknowledgement(kind, { packetId, ...rest }, client.terms), writeCount)
}

function messageOf(client: MqttClient, topic: string, packet: Publish): TopicMessage {
  const { qos, retain, properties } = packet
  const { messageExpiry } = properties
  return {
    topic,
    // What was read is a view of much more.
    payload: packet.payload.slice(),
    qos,
    retain,
    properties: passedOf(properties),
    expiresAtMs:
      messageExpiry === undefined ? undefined : client.deps.clock.nowMs() + messageExpiry * 1_000,
    publisherId: client.terms.clientId,
  }
}

/** @returns what receivers get unaltered (§3.3.2.3); of what was read, nothing but copies. */
export function passedOf(properties: Properties): PassedProperties {
  if (properties === NO_PROPERTIES) return NO_PROPERTIES
  const { payloadFormat, contentType, responseTopic, correlationData, userProperties } = properties
  const passed = {
    ...(payloadFormat === undefined ? {} : { payloadFormat }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: correlationData.slice() }),
    ...(userProperties === undefined ? {} : { userProperties }),
  }
  return Object.keys(passed).length === 0 ? NO_PROPERTIES : passed
}
