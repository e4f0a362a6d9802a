/**
 * What a CONNECT asks for and what it is given (§3.1, §3.2.2.3): identifier, lifetimes, sizes.
 * Pure; who the client is comes later.
 */
import type { Connect, ProtocolLevel } from '@lockgate/protocol/mqtt/packets'
import type { Properties } from '@lockgate/protocol/mqtt/properties'
import { ok, refuse, type Result } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import { type MqttSettings, TOKEN_METHOD } from './mqtt-settings.ts'
import { grantedExpirySeconds } from './state/session-settings.ts'

/** Our bound; the spec asks for 23 at least [MQTT-3.1.3-5]. */
export const CLIENT_ID_LENGTH_MAX = 256
/** Absent means this much (§3.1.2.11.3). */
const RECEIVE_MAXIMUM_DEFAULT = 65_535

export interface ConnectTerms {
  readonly level: ProtocolLevel
  readonly clientId: string
  readonly cleanStart: boolean
  readonly expirySeconds: number
  /** 0: not checked, which MQTT 3.1.1 clients may ask for. */
  readonly keepAliveSeconds: number
  readonly receiveMaximum: number
  /** Of a packet to the client, fixed header included. */
  readonly packetBytesMax: number
  /** Topic aliases the client takes. */
  readonly aliasCountMax: number
  /** False: reason strings and user properties in PUBLISH, CONNACK and DISCONNECT alone. */
  readonly wantsReasons: boolean
  readonly authenticationMethod: string | undefined
}

/** @param assignId makes a client identifier that nobody else has. */
export function termsOf(
  connect: Connect,
  settings: MqttSettings,
  assignId: () => string,
): Result<ConnectTerms, RefusalCode> {
  const { level, cleanStart, properties } = connect
  const isAssigned = connect.clientId === ''
  // [MQTT-3.1.3-8] of 3.1.1: what has no name cannot be kept.
  if (isAssigned && level === 4 && !cleanStart) return refuse('client_id_invalid')
  if (connect.clientId.length > CLIENT_ID_LENGTH_MAX) return refuse('client_id_invalid')
  const { authenticationMethod } = properties
  if (authenticationMethod !== undefined && authenticationMethod !== TOKEN_METHOD) {
    return refuse('authentication_method_unknown')
  }
  const asked = { level, cleanStart, expirySeconds: properties.sessionExpiry }
  return ok({
    level,
    clientId: isAssigned ? assignId() : connect.clientId,
    cleanStart,
    expirySeconds: grantedExpirySeconds(asked, settings),
    keepAliveSeconds: keepAliveOf(connect, settings),
    receiveMaximum: properties.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT,
    // What we announce binds us too: some clients take it for their own.
    packetBytesMax: Math.min(properties.maximumPacketSize ?? Infinity, settings.packetBytesMax),
    aliasCountMax: properties.topicAliasMaximum ?? 0,
    wantsReasons: level === 5 && properties.requestProblemInformation !== 0,
    authenticationMethod,
  })
}

/** MQTT 3.1.1 has no way to tell a client another one, so there its word holds. */
function keepAliveOf(connect: Connect, { keepAliveSecondsMax }: MqttSettings): number {
  const { level, keepAliveSeconds: asked } = connect
  if (level === 4) return asked
  return asked === 0 || asked > keepAliveSecondsMax ? keepAliveSecondsMax : asked
}

/** @returns the properties of the CONNACK that lets a client in: only what it did not ask for. */
export function connackProperties(
  connect: Connect,
  terms: ConnectTerms,
  { packetBytesMax, topicAliasCountMax }: MqttSettings,
): Properties {
  const { properties } = connect
  const { clientId, expirySeconds, keepAliveSeconds, authenticationMethod } = terms
  return {
    maximumPacketSize: packetBytesMax,
    ...(topicAliasCountMax === 0 ? {} : { topicAliasMaximum: topicAliasCountMax }),
    // [MQTT-3.1.3-7]
    ...(connect.clientId === '' ? { assignedClientId: clientId } : {}),
    // §3.2.2.3.2
    ...(expirySeconds === (properties.sessionExpiry ?? 0) ? {} : { sessionExpiry: expirySeconds }),
    // [MQTT-3.1.2-21]
    ...(keepAliveSeconds === connect.keepAliveSeconds ? {} : { serverKeepAlive: keepAliveSeconds }),
    // §3.2.2.3.15, and the topic that clients of the contract use.
    ...(properties.requestResponseInformation === 1
      ? { responseInformation: `response/${clientId}` }
      : {}),
    // [MQTT-4.12.0-5]
    ...(authenticationMethod === undefined ? {} : { authenticationMethod }),
  }
}
