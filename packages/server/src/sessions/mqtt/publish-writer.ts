/** The PUBLISH packets of one connection: its level, its topic aliases, and the most it takes. */
import type { TopicDelivery } from '../../core/topics/topic-subscriber.ts'
import type { ConnectTerms } from './connect-terms.ts'
import type { PublishFrames } from './publish-frames.ts'
import type { Sending } from './state/client-link.ts'
import { OutgoingAliases } from './topic-aliases.ts'

export class PublishWriter {
  readonly #terms: ConnectTerms
  readonly #frames: PublishFrames
  readonly #aliases: OutgoingAliases | undefined

  /** @param frames shared by all connections, so that a fan-out is encoded once. */
  constructor(terms: ConnectTerms, frames: PublishFrames) {
    this.#terms = terms
    this.#frames = frames
    if (terms.aliasCountMax > 0) this.#aliases = new OutgoingAliases(terms.aliasCountMax)
  }

  /** @returns undefined where it is larger than the client takes [MQTT-3.1.2-24]. */
  write(delivery: TopicDelivery, packetId: number, sending: Sending): Uint8Array | undefined {
    const { topic } = delivery.message
    const known = this.#aliases?.known(topic) ?? 0
    const fresh = known === 0 ? (this.#aliases?.next(topic) ?? 0) : 0
    const frame = this.#frame(delivery, packetId, { ...sending, known, fresh })
    if (frame.length <= this.#terms.packetBytesMax) {
      if (fresh > 0) this.#aliases?.told(topic, fresh)
      return frame
    }
    if (fresh === 0) return undefined
    // Telling an alias takes three bytes, which may be those too many.
    const bare = this.#frame(delivery, packetId, { ...sending, known: 0, fresh: 0 })
    return bare.length <= this.#terms.packetBytesMax ? bare : undefined
  }

  #frame(
    delivery: TopicDelivery,
    packetId: number,
    how: Sending & { readonly known: number; readonly fresh: number },
  ): Uint8Array {
    const { level } = this.#terms
    return this.#frames.frame(delivery, {
      level,
      packetId,
      isDuplicate: how.isDuplicate,
      expirySeconds: level === 5 ? how.expirySeconds : undefined,
      alias: how.known + how.fresh,
      isAliasKnown: how.known > 0,
    })
  }
}
