/**
 * One MQTT connection, 3.1.1 and 5.0, from its first byte to its last: a machine without I/O. Until
 * CONNECT nothing else is taken; while somebody is asked who it is, input waits; then packets go to
 * the client that was let in. What breaks the protocol is told in the packet the phase allows, and
 * the connection ends (§4.13).
 */
import { decodePacket } from '@lockgate/protocol/mqtt/decode'
import { PacketFramer, type RawPacket } from '@lockgate/protocol/mqtt/framer'
import { type DecodeRefusal, reasonOf } from '@lockgate/protocol/mqtt/refusals'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import type { Frame, PacedOutbox } from '../../ports/fanout.ts'
import { Outage } from '../../ports/outage.ts'
import type { Inflow, Session } from '../session.ts'
import { disconnection } from './answers.ts'
import type { MqttClient } from './client.ts'
import type { ClientSocket, Ending, Leaving, Origin } from './client-socket.ts'
import { Entrance } from './entrance.ts'
import type { MqttDeps } from './mqtt-deps.ts'
import { CONNECT_BYTES_MAX } from './mqtt-settings.ts'
import { VIOLATIONS } from './violations.ts'
import { MQTT_REFUSALS } from './wire-refusals.ts'

/** RFC 6455 §7.4.1. Over TCP nobody sees them. */
const CLOSE = { normal: 1000, goingAway: 1001, policy: 1008 }
/** How long a connection that has not been let in goes between two looks at the time. */
const ENTRANCE_TICK_MS = 1_000
/** A renewal may bring an earlier end, so the time is looked at again at the latest after this. */
const TICK_MS_MAX = 30_000
/** [MQTT-3.1.2-22] */
const KEEP_ALIVE_FACTOR_MS = 1_500
/** Our bound on what came before reading was paused: what a transport reads at a time. */
const HELD_BYTES_MAX = 1024 * 1024
/** Who asked for no keep alive is still not kept for ever: as on other protocols, a day. */
const SILENCE_MS_MAX = 24 * 60 * 60 * 1_000

/** Ours: a large packet may take longer than a keep alive, as long as so much of it comes. */
const SIGN_OF_LIFE_BYTES = 1_024

type Phase = 'waiting' | 'connecting' | 'open' | 'ended'

export class MqttSession implements Session, ClientSocket {
  readonly outbox: PacedOutbox
  readonly inflow: Inflow
  readonly #deps: MqttDeps
  readonly #framer: PacketFramer
  readonly #openedAtMs: number
  #entrance: Entrance | undefined
  #client: MqttClient | undefined
  #phase: Phase = 'waiting'
  #heardAtMs: number
  #isReading = false
  #pendingBytes = 0
  #isGone = false

  constructor(
    connection: { readonly outbox: PacedOutbox; readonly inflow: Inflow; readonly from: Origin },
    deps: MqttDeps,
  ) {
    const { outbox, inflow, from } = connection
    this.outbox = outbox
    this.inflow = inflow
    this.#deps = deps
    this.#framer = new PacketFramer(Math.min(CONNECT_BYTES_MAX, deps.settings.packetBytesMax))
    this.#openedAtMs = deps.clock.monotonicMs()
    this.#heardAtMs = this.#openedAtMs
    this.#entrance = new Entrance(from, this, deps)
  }

  /** The client speaks first (§3.1). */
  open(): void {}

  receive(frame: Frame): void {
    if (this.#phase === 'ended') return
    // [MQTT-6.0.0-1]
    if (typeof frame === 'string') return void this.finish('frame_malformed')
    const drippedBytes = this.#pendingBytes + frame.length
    this.#framer.push(frame)
    if (this.#phase !== 'connecting' && this.#client?.isHeld !== true) this.#readOn()
    // Reading is paused, so what still comes is what had been read before.
    else if (this.#framer.pendingBytes > HELD_BYTES_MAX) this.finish('overloaded')
    else this.#countPending()
    // [MQTT-3.1.2-22]: a packet is a sign of life, and a good part of one; single bytes are none.
    const isDrip = frame.length < SIGN_OF_LIFE_BYTES && this.#pendingBytes === drippedBytes
    if (!isDrip) this.#heardAtMs = this.#deps.clock.monotonicMs()
  }

  /** A sign of life of the WebSocket layer is none of MQTT [MQTT-3.1.2-22]. */
  heard(): void {}

  writable(): void {
    if (this.#phase === 'open') this.#client?.writable()
  }

  tick(nowMs: number): number {
    if (this.#phase === 'ended') return Number.POSITIVE_INFINITY
    const client = this.#client
    if (this.#phase !== 'open' || client === undefined) return this.#tickEntrance(nowMs)
    const { keepAliveSeconds } = client.terms
    const silenceMs =
      keepAliveSeconds === 0 ? SILENCE_MS_MAX : keepAliveSeconds * KEEP_ALIVE_FACTOR_MS
    const silentAtMs = this.#heardAtMs + silenceMs
    if (nowMs >= silentAtMs) this.finish('keep_alive_missed')
    const endsAtMs = client.endsAtMs()
    const leftMs =
      endsAtMs === undefined ? Number.POSITIVE_INFINITY : endsAtMs - this.#deps.clock.nowMs()
    if (leftMs <= 0) this.finish('token_expired')
    // What waited for something that nobody told of is looked at again.
    this.writable()
    return Math.min(silentAtMs, nowMs + leftMs, nowMs + TICK_MS_MAX)
  }

  end(refusal: RefusalCode): void {
    this.finish(refusal)
  }

  finish(refusal: RefusalCode, ending: Ending = {}): boolean {
    if (this.#phase === 'ended') return false
    const frame = this.#lastWords(refusal, ending)
    this.#deps.tally.refused(refusal)
    if (this.#entrance !== undefined) this.#deps.figures.refusedConnect(refusal)
    this.#over(refusal, { isWillDue: true, expirySeconds: undefined })
    const code = refusal === 'draining' ? CLOSE.goingAway : CLOSE.policy
    this.outbox.close(code, ending.text ?? REFUSALS[refusal].text, frame)
    return true
  }

  left(leaving: Leaving): void {
    if (this.#phase === 'ended') return
    this.#over(undefined, leaving)
    this.outbox.close(CLOSE.normal, '')
  }

  closed(): void {
    if (this.#isGone) return
    this.#isGone = true
    // [MQTT-3.1.2-8]: a connection that breaks leaves its will.
    if (this.#phase !== 'ended')
      this.#over(undefined, { isWillDue: true, expirySeconds: undefined })
    const client = this.#client
    if (client !== undefined) this.#deps.hub.disconnect(client.space, client)
  }

  goOn(): void {
    this.#heardAtMs = this.#deps.clock.monotonicMs()
    try {
      this.#readOn()
    } catch (error) {
      this.#failed(error)
    }
  }

  #readOn(): void {
    if (this.#isReading) return
    this.#isReading = true
    try {
      while (this.#mayRead) {
        const next = this.#framer.next()
        if (!next.ok) this.#violated(next.refusal)
        else if (next.value === undefined) break
        else this.#take(next.value)
      }
    } finally {
      this.#isReading = false
      this.#countPending()
    }
  }

  /** What came and waits for the rest of its packet, or for its turn. */
  #countPending(): void {
    const before = this.#pendingBytes
    this.#pendingBytes = this.#phase === 'ended' ? 0 : this.#framer.pendingBytes
    const hasRoom = this.#deps.partials.changed(before, this.#pendingBytes)
    if (!hasRoom) this.finish('overloaded')
  }

  later<T>(outcome: Promise<T>, goOn: (value: T) => void): void {
    outcome.then(goOn).catch((error: unknown) => this.#failed(error))
  }

  /** Somebody is asked who this is, or a session is read: what comes meanwhile waits. */
  hold(): void {
    this.#phase = 'connecting'
    this.inflow.pause()
  }

  /** The client was let in. */
  letIn(client: MqttClient, connack: Uint8Array): void {
    const wasHeld = this.#phase === 'connecting'
    this.#phase = 'open'
    this.#client = client
    this.#entrance = undefined
    this.#framer.packetBytesMax = this.#deps.settings.packetBytesMax
    this.#heardAtMs = this.#deps.clock.monotonicMs()
    this.outbox.send(connack)
    client.resume()
    if (!wasHeld) return
    this.inflow.resume()
    this.#readOn()
  }

  get isEnded(): boolean {
    return this.#phase === 'ended'
  }

  get #mayRead(): boolean {
    return this.#phase === 'waiting' || (this.#phase === 'open' && this.#client?.isHeld !== true)
  }

  #take(packet: RawPacket): void {
    if (this.#entrance !== undefined) return this.#entrance.take(packet)
    const client = this.#client
    if (client === undefined) return
    const decoded = decodePacket(packet, client.terms.level)
    if (decoded.ok) client.receive(decoded.value)
    else this.#violated(decoded.refusal, decoded.detail)
  }

  /** §4.13.1: told by its own reason code. */
  #violated(refusal: DecodeRefusal, text?: string): void {
    const reason = reasonOf(refusal)
    this.finish(VIOLATIONS[refusal], text === undefined ? { reason } : { reason, text })
  }

  #tickEntrance(nowMs: number): number {
    const overdueAtMs = this.#openedAtMs + this.#deps.settings.connectTimeoutMs
    if (nowMs < overdueAtMs) return nowMs + ENTRANCE_TICK_MS
    // Who has said who it is waits for us.
    this.finish(this.#phase === 'connecting' ? 'overloaded' : 'connect_overdue')
    return Number.POSITIVE_INFINITY
  }

  #lastWords(refusal: RefusalCode, { reason, text }: Ending): Uint8Array | undefined {
    const { connack, disconnect } = MQTT_REFUSALS[refusal]
    const told = text ?? REFUSALS[refusal].text
    if (this.#entrance !== undefined) return this.#entrance.refusal(reason ?? connack, told)
    return this.#client && disconnection(reason ?? disconnect, told, this.#client.terms)
  }

  #over(refusal: RefusalCode | undefined, leaving: Leaving): void {
    this.#phase = 'ended'
    this.#countPending()
    this.#entrance = undefined
    const client = this.#client
    if (client === undefined) return
    client.endedBy = refusal
    client.detach(leaving)
    this.#deps.hub.detach(client.space, client)
  }

  /** As at the edge of the transport: an outage is told, a bug ends this connection alone. */
  #failed(error: unknown): void {
    if (error instanceof Outage) {
      this.#deps.log.error('session_outage', error, { port: error.port, code: error.code })
      this.finish('unavailable')
      return
    }
    this.#deps.tally.bugs++
    this.#deps.log.error('session_bug', error)
    this.finish('internal')
  }
}
