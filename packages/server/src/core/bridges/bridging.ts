/**
 * Carries messages between topics and channels that an app has declared to be one. Asked on the
 * node of origin alone, after the message went out where it was published; what was carried is
 * marked and never carried again, so nothing goes round. A bridge gives nobody more than both sides
 * do: who published has to be allowed there as well, and each receiver has subscribed by the rules
 * of its own protocol. What cannot be carried is counted, and never fails the publish.
 */
import {
  channelOfTopic,
  parseBridge,
  type TopicBridge,
  topicOfChannel,
} from '@lockgate/protocol/pusher/topic-bridge'
import { isLongerThan } from '@lockgate/protocol/bytes'
import type { Log } from '../../ports/log.ts'
import { Outage } from '../../ports/outage.ts'
import type { AppSpace } from '../app-space.ts'
import type { ChannelAddress } from '../channel.ts'
import type { Message } from '../encoder.ts'
import type { RuleQuestion } from '../rules/rule-question.ts'
import type { TopicMessage } from '../topics/topic-message.ts'
import { BridgeFigures, type Unbridged } from './bridge-figures.ts'

export interface BridgeSides {
  readonly hub: {
    hasRoom(): boolean
    publish(space: AppSpace, message: Message): void
  }
  readonly topics: { publish(space: AppSpace, message: TopicMessage): unknown }
  /**
   * Whether rules of topics allow this to who published an event; records a denial.
   * @param userId as the server knows it; undefined: a server, or nobody in particular.
   */
  readonly mayPublish: (
    space: AppSpace,
    question: RuleQuestion,
    userId: string | undefined,
  ) => boolean
  readonly log: Log
}

/** A member's id travels with what was an event of a client. */
export const USER_ID_PROPERTY = 'user_id'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class Bridging {
  readonly figures = new BridgeFigures()
  #sides: BridgeSides | undefined
  /** By the list, which is replaced as a whole when the app changes. */
  readonly #compiled = new WeakMap<readonly string[], readonly TopicBridge[]>()

  /** Both hubs are there; until then nothing is carried. */
  connect(sides: BridgeSides): void {
    this.#sides = sides
  }

  /** An event went out on a channel. */
  eventPublished(space: AppSpace, message: Message): void {
    if (message.isBridged === true) return
    for (const bridge of this.#bridgesOf(space)) {
      if (!bridge.isToMqtt || bridge.event !== message.event) continue
      const topic = topicOfChannel(bridge, message.channel.name)
      if (topic === undefined) continue
      this.#count(this.#toTopic(space, { bridge, topic, message }), 'toMqtt')
    }
  }

  /** A message went out on a topic. */
  topicPublished(space: AppSpace, message: TopicMessage): void {
    if (message.isBridged === true) return
    for (const bridge of this.#bridgesOf(space)) {
      if (!bridge.isToPusher) continue
      const channel = channelOfTopic(bridge, message.topic)
      if (channel === undefined) continue
      const refused =
        channel === 'unfit' ? channel : this.#toChannel(space, { bridge, channel, message })
      this.#count(refused, 'toPusher')
    }
  }

  #toChannel(
    space: AppSpace,
    of: {
      readonly bridge: TopicBridge
      readonly channel: ChannelAddress
      readonly message: TopicMessage
    },
  ): Unbridged | undefined {
    const { bridge, channel, message } = of
    const { settings } = space.app
    const isOfClient = message.publisherId !== undefined || message.isOfPage === true
    if (isOfClient && !(settings.clientMessages && takesClientEvents(channel))) return 'denied'
    // Bytes are at least as many as characters; nothing that long is decoded.
    if (message.payload.length > settings.eventDataBytesMax) return 'large'
    const text = textOf(message.payload)
    if (text === undefined) return 'binary'
    if (this.#sides?.hub.hasRoom() !== true) return 'busy'
    return this.#publish(space, (sides) =>
      sides.hub.publish(space, {
        channel,
        event: bridge.event,
        // Of clients it is JSON that stands in the frame as it is.
        data: isOfClient ? JSON.stringify(text) : text,
        origin: isOfClient ? 'client' : 'server',
        userId: undefined,
        exceptConnectionId: undefined,
        isBridged: true,
      }),
    )
  }

  #toTopic(
    space: AppSpace,
    of: { readonly bridge: TopicBridge; readonly topic: string; readonly message: Message },
  ): Unbridged | undefined {
    const { bridge, topic, message } = of
    const { qos } = bridge
    const text = message.origin === 'client' ? textOfJson(message.data) : message.data
    if (isLongerThan(text, space.app.settings.mqttPayloadBytesMax)) return 'large'
    const { userId } = message
    const question = { action: 'publish', topic, qos, retain: false } as const
    if (this.#sides?.mayPublish(space, question, userId) !== true) return 'denied'
    return this.#publish(space, (sides) =>
      sides.topics.publish(space, {
        topic,
        payload: encoder.encode(text),
        qos,
        retain: false,
        properties: userId === undefined ? {} : { userProperties: [[USER_ID_PROPERTY, userId]] },
        expiresAtMs: undefined,
        publisherId: undefined,
        isBridged: true,
      }),
    )
  }

  /** The message itself is out: what fails here is not its publisher's to try again. */
  #publish(space: AppSpace, publish: (sides: BridgeSides) => void): Unbridged | undefined {
    if (this.#sides === undefined) return 'busy'
    try {
      publish(this.#sides)
      return undefined
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      this.#sides.log.error('bridge_unavailable', error, { appId: space.app.id })
      return 'busy'
    }
  }

  #count(refused: Unbridged | undefined, way: 'toPusher' | 'toMqtt'): void {
    if (refused === undefined) this.figures[way]++
    else this.figures.notBridged(refused)
  }

  #bridgesOf({ app }: AppSpace): readonly TopicBridge[] {
    const { bridges } = app.settings
    const known = this.#compiled.get(bridges)
    if (known !== undefined) return known
    // What is stored was checked before; a row that came in otherwise carries nothing.
    const read = bridges.flatMap((text) => {
      const parsed = parseBridge(text)
      return parsed.ok ? [parsed.value] : []
    })
    this.#compiled.set(bridges, read)
    return read
  }
}

/** As for clients of Pusher: to everybody who may subscribe, by a signature. */
function takesClientEvents({ kind }: ChannelAddress): boolean {
  return kind === 'private' || kind === 'presence'
}

/** @returns undefined for bytes that are no UTF-8. */
function textOf(payload: Uint8Array): string | undefined {
  try {
    return decoder.decode(payload)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** @param data JSON text. @returns what a text says, and any other value as it is written. */
function textOfJson(data: string): string {
  if (!data.startsWith('"')) return data
  const value: unknown = JSON.parse(data)
  return typeof value === 'string' ? value : data
}
