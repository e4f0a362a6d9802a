/**
 * The packets of MQTT 3.1.1 and 5.0 as values: what a client sends, and what a server sends.
 * Reserved and derived fields are not here, the codec checks and writes them.
 */
import type { Properties } from './properties.ts'
import type { ReasonCode, ReturnCode } from './reason-codes.ts'

/** Protocol level: 4 is MQTT 3.1.1, 5 is MQTT 5.0. */
export type ProtocolLevel = 4 | 5
export type Qos = 0 | 1 | 2

/** Control packet types (§2.1.2). */
export const PACKET = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const
export type PacketType = (typeof PACKET)[keyof typeof PACKET]

export interface Will {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  /** MQTT 5.0 only, else empty. */
  readonly properties: Properties
}

export interface Connect {
  readonly kind: 'connect'
  readonly level: ProtocolLevel
  /** May be empty: the server assigns one. */
  readonly clientId: string
  /** Clean session of MQTT 3.1.1. */
  readonly cleanStart: boolean
  /** 0: none. */
  readonly keepAliveSeconds: number
  readonly username: string | undefined
  /** A view of what was received. */
  readonly password: Uint8Array | undefined
  readonly will: Will | undefined
  readonly properties: Properties
}

export interface Publish {
  readonly kind: 'publish'
  /** Empty only where a topic alias stands for it. */
  readonly topic: string
  /** A view of what was received. */
  readonly payload: Uint8Array
  readonly qos: Qos
  readonly retain: boolean
  readonly duplicate: boolean
  /** 0 where `qos` is 0. */
  readonly packetId: number
  readonly properties: Properties
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP. */
export interface Acknowledgement {
  readonly kind: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'
  readonly packetId: number
  /** Success in MQTT 3.1.1. */
  readonly reason: ReasonCode
  readonly properties: Properties
}

export interface SubscriptionRequest {
  /** Checked; as sent, `$share/` included. */
  readonly filter: string
  readonly qos: Qos
  /** Not to the connection that published it. */
  readonly noLocal: boolean
  /** The retain flag is passed on as it was published. */
  readonly retainAsPublished: boolean
  /** 0: send retained messages; 1: only if the subscription is new; 2: do not. */
  readonly retainHandling: 0 | 1 | 2
}

export interface Subscribe {
  readonly kind: 'subscribe'
  readonly packetId: number
  /** At least one. */
  readonly subscriptions: readonly SubscriptionRequest[]
  readonly properties: Properties
}

export interface Unsubscribe {
  readonly kind: 'unsubscribe'
  readonly packetId: number
  /** At least one. */
  readonly filters: readonly string[]
  readonly properties: Properties
}

export interface Disconnect {
  readonly kind: 'disconnect'
  readonly reason: ReasonCode
  readonly properties: Properties
}

/** MQTT 5.0 only (§3.15). */
export interface Auth {
  readonly kind: 'auth'
  readonly reason: ReasonCode
  readonly properties: Properties
}

export type ClientPacket =
  | Connect
  | Publish
  | Acknowledgement
  | Subscribe
  | Unsubscribe
  | { readonly kind: 'pingreq' }
  | Disconnect
  | Auth

export interface Connack {
  readonly kind: 'connack'
  readonly sessionPresent: boolean
  readonly reason: ReasonCode
  readonly properties: Properties
}

/** What a 3.1.1 client is told instead. */
export interface ConnackReturn {
  readonly sessionPresent: boolean
  readonly code: ReturnCode
}

export interface Suback {
  readonly kind: 'suback' | 'unsuback'
  readonly packetId: number
  /** One for each filter, in order. MQTT 3.1.1 has none in UNSUBACK. */
  readonly reasons: readonly ReasonCode[]
  readonly properties: Properties
}

export type ServerPacket =
  | Connack
  | Publish
  | Acknowledgement
  | Suback
  | { readonly kind: 'pingresp' }
  | Disconnect
  | Auth
