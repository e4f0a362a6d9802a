/**
 * One application message on its way from a publisher to the subscribers of a topic (MQTT 5 §3.3).
 * Values only; never changed once made, because receivers share it.
 */

export type Qos = 0 | 1 | 2

/** What travels from publisher to subscriber unaltered (§3.3.2.3). */
export interface PassedProperties {
  readonly payloadFormat?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  /** In order, repetitions included [MQTT-3.3.2-18]. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
}

export interface TopicMessage {
  /** A topic name: no wildcard, never empty. */
  readonly topic: string
  /** Owned by the message: no view of a buffer that is used again. */
  readonly payload: Uint8Array
  /** As published; a subscription may lower it. */
  readonly qos: Qos
  /** Kept for later subscribers; an empty payload removes what is kept (§3.3.1.3). */
  readonly retain: boolean
  readonly properties: PassedProperties
  /** Epoch; undefined: it does not expire. */
  readonly expiresAtMs: number | undefined
  /** Client id of who published it, for No Local; undefined: none of our clients. */
  readonly publisherId: string | undefined
  /** Published over HTTP by a page or in the name of a user, so a bridge takes it as a client's. */
  readonly isOfPage?: true
  /** Came from a channel over a bridge: whoever watches has been told of it there. */
  readonly isBridged?: true
}
