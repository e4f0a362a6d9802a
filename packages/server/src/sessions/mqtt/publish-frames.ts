/**
 * PUBLISH packets as they leave (§3.3). A fan-out hands one message to all of its receivers before
 * the next begins, so the frames of the last message are kept: each variant is encoded once, and
 * receivers share its bytes. What has a packet id is a copy with two bytes changed.
 */
import { encodePublish } from '@lockgate/protocol/mqtt/encode'
import type { ProtocolLevel } from '@lockgate/protocol/mqtt/packets'
import { NO_PROPERTIES, type Properties } from '@lockgate/protocol/mqtt/properties'
import type { TopicMessage } from '../../core/topics/topic-message.ts'
import type { TopicDelivery } from '../../core/topics/topic-subscriber.ts'

export interface PublishShape {
  readonly level: ProtocolLevel
  /** 0 where the delivery has QoS 0. */
  readonly packetId: number
  readonly isDuplicate: boolean
  /** Undefined: it does not expire, or the level does not say. */
  readonly expirySeconds: number | undefined
  /** 0: none. */
  readonly alias: number
  /** The client knows what the alias stands for, so the topic is left out. */
  readonly isAliasKnown: boolean
}

const DUPLICATE = 0x08

export class PublishFrames {
  #message: TopicMessage | undefined
  #expirySeconds: number | undefined
  /** Without alias: by level, quality of service and retain flag. */
  readonly #plain: (Uint8Array | undefined)[] = Array.from({ length: 12 }, () => undefined)
  /** With alias: few of them, as subscribers of one topic mostly have it under the same number. */
  readonly #aliased = new Map<number, Uint8Array>()

  /** @returns one whole packet. Receivers share it: nobody changes it. */
  frame(delivery: TopicDelivery, shape: PublishShape): Uint8Array {
    // What carries identifiers of its own is nobody else's.
    if (shape.level === 5 && delivery.subscriptionIds.length > 0) return encode(delivery, shape)
    this.#turnTo(delivery.message, shape.expirySeconds)
    const variant = variantOf(delivery, shape.level)
    const known = this.#known(variant, shape)
    if (delivery.qos === 0) return known ?? this.#keep(variant, shape, encode(delivery, shape))
    if (known !== undefined) return withPacketId(known, shape)
    const made = encode(delivery, shape)
    // A repetition is rare, and its flag is no part of the variant.
    return shape.isDuplicate ? made : this.#keep(variant, shape, made)
  }

  #turnTo(message: TopicMessage, expirySeconds: number | undefined): void {
    if (message === this.#message && expirySeconds === this.#expirySeconds) return
    this.#message = message
    this.#expirySeconds = expirySeconds
    this.#plain.fill(undefined)
    if (this.#aliased.size > 0) this.#aliased.clear()
  }

  #known(variant: number, { alias, isAliasKnown }: PublishShape): Uint8Array | undefined {
    if (alias === 0) return this.#plain[variant]
    return this.#aliased.get(aliasKey(variant, alias, isAliasKnown))
  }

  #keep(variant: number, { alias, isAliasKnown }: PublishShape, frame: Uint8Array): Uint8Array {
    if (alias === 0) this.#plain[variant] = frame
    else this.#aliased.set(aliasKey(variant, alias, isAliasKnown), frame)
    return frame
  }
}

function variantOf({ qos, retain }: TopicDelivery, level: ProtocolLevel): number {
  return (level === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0)
}

function aliasKey(variant: number, alias: number, isKnown: boolean): number {
  return (alias * 12 + variant) * 2 + (isKnown ? 1 : 0)
}

function encode(delivery: TopicDelivery, shape: PublishShape): Uint8Array {
  const { message, qos, retain } = delivery
  const { level, packetId, isDuplicate: duplicate, isAliasKnown } = shape
  const topic = isAliasKnown ? '' : message.topic
  const { payload } = message
  const properties = level === 5 ? propertiesOf(delivery, shape) : NO_PROPERTIES
  const head = { kind: 'publish', topic, payload, qos, retain } as const
  return encodePublish({ ...head, duplicate, packetId, properties }, level)
}

function propertiesOf(
  { message, subscriptionIds }: TopicDelivery,
  { expirySeconds, alias }: PublishShape,
): Properties {
  const passed = message.properties
  if (expirySeconds === undefined && alias === 0 && subscriptionIds.length === 0) return passed
  return {
    ...passed,
    // [MQTT-3.3.2-6]: less what it has waited.
    ...(expirySeconds === undefined ? {} : { messageExpiry: expirySeconds }),
    ...(alias === 0 ? {} : { topicAlias: alias }),
    ...(subscriptionIds.length === 0 ? {} : { subscriptionIds }),
  }
}

/** @returns a copy under another packet id; topic, properties and payload are not written anew. */
function withPacketId(frame: Uint8Array, { packetId, isDuplicate }: PublishShape): Uint8Array {
  const copy = frame.slice()
  const at = packetIdAt(frame)
  copy[at] = packetId >>> 8
  copy[at + 1] = packetId & 0xff
  if (isDuplicate) copy[0] = (copy[0] ?? 0) | DUPLICATE
  return copy
}

/** Behind the fixed header and the topic (§3.3.2). */
function packetIdAt(frame: Uint8Array): number {
  let at = 1
  while ((frame[at] ?? 0) > 0x7f) at++
  const topicAt = at + 1
  return topicAt + 2 + (frame[topicAt] ?? 0) * 256 + (frame[topicAt + 1] ?? 0)
}
