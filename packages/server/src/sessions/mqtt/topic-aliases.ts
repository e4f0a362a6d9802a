/** Topic aliases of one connection (§3.3.2.3.4), in and out. Both tables are bounded. */
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import { ok } from '@lockgate/protocol/result'

/** Our bound on what we remember for a client, whatever it allows. */
export const OUTGOING_ALIAS_COUNT_MAX = 16
/** Our choice: for shorter names the three bytes of an alias save little. */
export const ALIASED_TOPIC_LENGTH_MIN = 12

type Resolved =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly refusal: ReasonCode }

/** What a client has named. */
export class IncomingAliases {
  readonly #countMax: number
  /** Made when the first one comes: most clients use none. */
  #topics: Map<number, string> | undefined

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /**
   * @param topic empty where the alias stands for it.
   * @returns the topic; a refusal is the reason to disconnect with (§3.3.2.3.4) [MQTT-3.3.2-9].
   */
  resolve(topic: string, alias: number): Resolved {
    if (alias > this.#countMax) return { ok: false, refusal: REASON.topicAliasInvalid }
    if (topic === '') {
      const known = this.#topics?.get(alias)
      return known === undefined ? { ok: false, refusal: REASON.protocolError } : ok(known)
    }
    this.#topics ??= new Map()
    this.#topics.set(alias, topic)
    return ok(topic)
  }
}

/** What we name to a client: the first topics it gets keep their alias while it is connected. */
export class OutgoingAliases {
  readonly #countMax: number
  readonly #aliases = new Map<string, number>()

  /** @param countMax what the client allows [MQTT-3.1.2-26]. */
  constructor(countMax: number) {
    this.#countMax = Math.min(countMax, OUTGOING_ALIAS_COUNT_MAX)
  }

  /** @returns the alias of a topic that the client knows; 0: it has none. */
  known(topic: string): number {
    return this.#aliases.get(topic) ?? 0
  }

  /** @returns the alias that a topic may get with the next packet; 0: it gets none. */
  next(topic: string): number {
    const isFull = this.#aliases.size >= this.#countMax
    return isFull || topic.length < ALIASED_TOPIC_LENGTH_MIN ? 0 : this.#aliases.size + 1
  }

  /** The client was told. */
  told(topic: string, alias: number): void {
    this.#aliases.set(topic, alias)
  }
}
