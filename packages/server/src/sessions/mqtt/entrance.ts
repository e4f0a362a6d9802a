/**
 * From CONNECT to CONNACK (§3.1.4): what the packet asks for, who sends it, whether there is room,
 * and which session it gets. Kept only until then. A refused client is told why in CONNACK, unless
 * it is one of MQTT 3.1.1 that broke the protocol, which is told nothing [MQTT-3.1.4-1].
 */
import { decodePacket } from '@lockgate/protocol/mqtt/decode'
import { encodePacket } from '@lockgate/protocol/mqtt/encode'
import type { RawPacket } from '@lockgate/protocol/mqtt/framer'
import {
  type Connack,
  type Connect,
  PACKET,
  type ProtocolLevel,
  type Will,
} from '@lockgate/protocol/mqtt/packets'
import { NO_PROPERTIES } from '@lockgate/protocol/mqtt/properties'
import { REASON, type ReasonCode } from '@lockgate/protocol/mqtt/reason-codes'
import { type DecodeRefusal, reasonOf } from '@lockgate/protocol/mqtt/refusals'
import type { Result } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import { relianceOn } from '../../core/reliance.ts'
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'
import type { Random } from '../../ports/random.ts'
import { MqttClient } from './client.ts'
import { recordDenied } from './denials.ts'
import type { Origin } from './client-socket.ts'
import { connackProperties, type ConnectTerms, termsOf } from './connect-terms.ts'
import type { MqttDeps } from './mqtt-deps.ts'
import { passedOf } from './publishing.ts'
import type { MqttSession } from './session.ts'
import type { ClientWill } from './state/client-will.ts'
import type { Claimed, ClaimResult } from './state/session-claim.ts'
import { VIOLATIONS } from './violations.ts'

const ASSIGNED_ID_BYTES = 12

export class Entrance {
  readonly #from: Origin
  readonly #session: MqttSession
  readonly #deps: MqttDeps
  /** How a refusal is told; undefined: not at all. */
  #level: ProtocolLevel | undefined
  /** What the client takes, as far as it has said. */
  #packetBytesMax = Number.POSITIVE_INFINITY
  /** When it was asked who this is, monotonic. */
  #askedAtMs = 0

  constructor(from: Origin, session: MqttSession, deps: MqttDeps) {
    this.#from = from
    this.#session = session
    this.#deps = deps
  }

  /** The first packet of a connection. */
  take(packet: RawPacket): void {
    // [MQTT-3.1.0-1]
    if (packet.type !== PACKET.connect) return void this.#session.finish('protocol_violated')
    this.#level = levelOf(packet.body)
    const decoded = decodePacket(packet, 5)
    if (!decoded.ok) return this.#violated(decoded.refusal)
    if (decoded.value.kind === 'connect') this.#connect(decoded.value)
  }

  /** @returns the CONNACK that refuses. */
  refusal(reason: ReasonCode, text: string): Uint8Array | undefined {
    const level = this.#level
    if (level === undefined) return undefined
    const bare = { sessionPresent: false, reason, properties: NO_PROPERTIES }
    const told = connackOf({ ...bare, properties: { reasonString: text } }, level)
    // [MQTT-3.2.2-19]
    return told.length <= this.#packetBytesMax ? told : connackOf(bare, level)
  }

  #violated(refusal: DecodeRefusal): void {
    if (this.#level === 4 && refusal !== 'version_unsupported') this.#level = undefined
    this.#session.finish(VIOLATIONS[refusal], { reason: reasonOf(refusal) })
  }

  #connect(connect: Connect): void {
    const { settings, random, door } = this.#deps
    this.#packetBytesMax = connect.properties.maximumPacketSize ?? this.#packetBytesMax
    if (this.#deps.isOverloaded()) return void this.#session.finish('overloaded')
    const terms = termsOf(connect, settings, () => assignedId(random))
    if (!terms.ok) return void this.#session.finish(terms.refusal)
    const { username, clientId, properties } = connect
    // What the method shows goes before a password (§3.1.2.11.10).
    const password = properties.authenticationData ?? connect.password
    this.#askedAtMs = this.#deps.clock.monotonicMs()
    const { source, origin, isWebSocket, isTls } = this.#from
    const shown = { username, password, clientId, origin, isWebSocket, isTls }
    const outcome = door.authenticate(shown, source)
    const goOn = (known: Result<MqttIdentity, RefusalCode>) =>
      this.#known(connect, terms.value, known)
    if (!(outcome instanceof Promise)) return goOn(outcome)
    this.#session.hold()
    this.#session.later(outcome, goOn)
  }

  #known(connect: Connect, terms: ConnectTerms, known: Result<MqttIdentity, RefusalCode>): void {
    const session = this.#session
    if (session.isEnded) return
    if (!known.ok) return void session.finish(known.refusal)
    const { random } = this.#deps
    const id = `${random.uint32()}.${random.uint32()}`
    const { username } = connect
    const start = { ...this.#from, id, identity: known.value, terms, username }
    const client = new MqttClient(start, session, this.#deps)
    const refusal = this.#refusalFor(client, connect.will)
    if (refusal !== undefined) return void session.finish(refusal)
    const { clientId, cleanStart, expirySeconds } = terms
    const { owner } = known.value
    const will = connect.will && willOf(connect.will, clientId)
    const claim = { clientId, owner, cleanStart, expirySeconds, will }
    const claimed = this.#deps.states.claim(client.space, claim, client)
    const goOn = (result: ClaimResult) => this.#claimed(connect, client, result)
    if (!(claimed instanceof Promise)) return goOn(claimed)
    session.hold()
    this.#await(claimed, client, goOn)
  }

  /** Until its session is there, it is counted as one who is on the way in. */
  #await(
    claimed: Promise<ClaimResult>,
    client: MqttClient,
    goOn: (result: ClaimResult) => void,
  ): void {
    const arrive = this.#deps.arrivals.enter(client)
    const failed = (error: unknown) => {
      arrive()
      throw error
    }
    this.#session.later(claimed.catch(failed), (result) => {
      arrive()
      goOn(result)
    })
  }

  /** What is in the way of somebody who is known. */
  #refusalFor(client: MqttClient, will: Will | undefined): RefusalCode | undefined {
    const { space, identity, terms } = client
    const { userId, owner } = identity
    const held = this.#deps.states.find(space, terms.clientId)
    // The connection that is taken over makes room for the new one.
    const takenCount = held?.isConnected === true && held.owner === owner ? 1 : 0
    const userCount = userId === undefined ? 0 : space.users.connectionCount(userId)
    const arriving = this.#deps.arrivals.beside(client)
    const full = client.limits.connect({
      app: Math.max(0, space.connections.size + arriving.app - takenCount),
      user: Math.max(0, userCount + arriving.user - takenCount),
    })
    if (full !== undefined) return full.refusal
    if (will === undefined) return undefined
    const { topic, qos, retain, payload } = will
    if (!client.rules.mayPublish(topic, qos, retain)) {
      recordDenied(client, { action: 'publish', topic, qos, retain })
      return 'operation_denied'
    }
    const isLarge = payload.length > space.app.settings.mqttPayloadBytesMax
    return isLarge ? 'event_data_large' : undefined
  }

  #claimed(connect: Connect, client: MqttClient, result: ClaimResult): void {
    const session = this.#session
    if (session.isEnded) {
      // It left while its session was read; it was never let in, so its will is nobody's to hear.
      if (result.ok) result.value.state.detach(client, { isWillDue: false })
      return
    }
    if (!result.ok) return void session.finish(result.refusal)
    const { state } = result.value
    if (this.#hasEndedMeanwhile(client)) {
      state.detach(client, { isWillDue: false })
      return void session.finish('credential_revoked')
    }
    if (connect.will !== undefined) this.#deps.wills.left(state, client)
    client.begin(result.value)
    session.letIn(client, this.#connack(connect, client.terms, result.value))
  }

  /** Nobody is found in the hub before; what closes connections did not reach this one. */
  #hasEndedMeanwhile({ identity, space }: MqttClient): boolean {
    const { id: appId, tenantId } = space.app
    const all = [relianceOn({ kind: 'app', appId }), relianceOn({ kind: 'tenant', tenantId })]
    return this.#deps.hub.ended.hasEnded([...identity.reliances, ...all], this.#askedAtMs)
  }

  #connack(connect: Connect, terms: ConnectTerms, { sessionPresent }: Claimed): Uint8Array {
    const properties = connackProperties(connect, terms, this.#deps.settings)
    return connackOf({ sessionPresent, reason: REASON.success, properties }, terms.level)
  }
}

function connackOf(connack: Omit<Connack, 'kind'>, level: ProtocolLevel): Uint8Array {
  return encodePacket({ kind: 'connack', ...connack }, level)
}

/**
 * In which form a client understands an answer, whatever else is wrong with its CONNECT: that of
 * 5.0 from there on, that of 3.1.1 below [MQTT-3.1.2-2].
 * @returns undefined for what is not MQTT at all.
 */
function levelOf(body: Uint8Array): ProtocolLevel | undefined {
  const nameLength = (body[0] ?? 0) * 256 + (body[1] ?? 0)
  const name = String.fromCharCode(...body.subarray(2, 2 + Math.min(nameLength, 6)))
  if (name === 'MQIsdp') return 4
  const level = body[2 + nameLength]
  if (name !== 'MQTT' || level === undefined) return undefined
  return level >= 5 ? 5 : 4
}

/** Not to be guessed: who knows it could take the session over if it had the same owner. */
function assignedId(random: Random): string {
  return `auto-${Buffer.from(random.bytes(ASSIGNED_ID_BYTES)).toString('hex')}`
}

function willOf(will: Will, clientId: string): ClientWill {
  const { topic, payload, qos, retain, properties } = will
  return {
    message: {
      topic,
      payload: payload.slice(),
      qos,
      retain,
      properties: passedOf(properties),
      expiresAtMs: undefined,
      publisherId: clientId,
    },
    delaySeconds: properties.willDelay ?? 0,
    lifetimeSeconds: properties.messageExpiry,
  }
}
