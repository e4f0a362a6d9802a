/** A message as handlers get it. */
import type { IPublishPacket } from 'mqtt'
import type { Qos } from './client-options.ts'

export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  /** Kept by the broker from before the subscription. */
  readonly retain: boolean
  /** May have been delivered before: QoS 1 means at least once. */
  readonly isDuplicate: boolean
  readonly contentType: string | undefined
  readonly responseTopic: string | undefined
  readonly correlationData: Uint8Array | undefined
  readonly userProperties: Readonly<Record<string, string | readonly string[]>>
  /** The payload as UTF-8. */
  text(): string
  /** The payload as JSON. @throws SyntaxError */
  json(): unknown
}

/** What may be published: bytes and text as they are, anything else as JSON. */
export type Payload = Uint8Array | string | number | boolean | object | null

export function messageOf(topic: string, payload: Uint8Array, packet: IPublishPacket): Message {
  const { contentType, responseTopic, correlationData, userProperties } = packet.properties ?? {}
  const text = () => new TextDecoder().decode(payload)
  return {
    topic,
    payload,
    qos: packet.qos,
    retain: packet.retain,
    isDuplicate: packet.dup,
    contentType,
    responseTopic,
    correlationData,
    userProperties: { ...userProperties },
    text,
    json: () => JSON.parse(text()) as unknown,
  }
}

export function bytesOf(payload: Payload): Uint8Array {
  if (payload instanceof Uint8Array) return payload
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return new TextEncoder().encode(text)
}
