/**
 * WebSockets: from an upgrade request to a session and back. RFC 6455 itself (framing, masking,
 * UTF-8, close handshake) is Bun's; this owns admission, timers and the end of every connection.
 */
import type { Frame } from '../ports/fanout.ts'
import type { SocketOutbox } from './outbox.ts'
import type { PingPlan } from './ping-plan.ts'
import { BUN_BACKPRESSURE_BYTES } from './pump.ts'
import type { SocketData } from './socket.ts'
import { type UpgradeAttempt, type UpgradePorts, Upgrades } from './upgrades.ts'

/** As the configuration has them. */
export interface WebSocketSettings {
  readonly limits: {
    /** Connections of the whole server. */
    readonly connectionCountMax: number
    /** One message of a client, whole. */
    readonly webSocketFrameBytesMax: number
    /** After the first a session asks for a sign of life, after the second it ends. */
    readonly activityTimeoutMs: number
    readonly pongTimeoutMs: number
  }
  /** One frame of a byte stream holds no more than one packet may. */
  readonly mqtt: { readonly packetBytesMax: number }
}

/** How much later than a session Bun itself gives a silent socket up. */
const BUN_IDLE_MARGIN_MS = 30_000

export class WebSockets {
  readonly #limits: WebSocketSettings['limits']
  readonly #frameBytesMax: number
  readonly #ports: UpgradePorts
  readonly #upgrades: Upgrades

  constructor({ limits, mqtt }: WebSocketSettings, ports: UpgradePorts) {
    this.#limits = limits
    this.#ports = ports
    const { connectionCountMax, webSocketFrameBytesMax: frameBytesMax } = limits
    const streamFrameBytesMax = mqtt.packetBytesMax
    this.#frameBytesMax = Math.max(frameBytesMax, streamFrameBytesMax, ports.router.frameBytesMax)
    const frames = { frameBytesMax, streamFrameBytesMax }
    const streamPingMs = limits.activityTimeoutMs
    this.#upgrades = new Upgrades({ connectionCountMax, ...frames, streamPingMs }, ports)
  }

  /**
   * Answers an upgrade request.
   * @returns undefined once Bun has taken the socket over, else the HTTP answer.
   */
  upgrade(attempt: UpgradeAttempt): ReturnType<Upgrades['decide']> {
    return this.#upgrades.decide(attempt)
  }

  /** The handlers Bun calls for every socket of a listener. */
  handlers(): Bun.WebSocketHandler<SocketData> {
    const { pump, tally, writer } = this.#ports
    const { activityTimeoutMs, pongTimeoutMs } = this.#limits
    return {
      // One bound for all is all that Bun has; the smaller ones are kept below.
      maxPayloadLength: this.#frameBytesMax,
      backpressureLimit: BUN_BACKPRESSURE_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: Math.ceil((activityTimeoutMs + pongTimeoutMs + BUN_IDLE_MARGIN_MS) / 1000),
      sendPings: false,
      publishToSelf: false,
      perMessageDeflate: false,
      open: (socket) => {
        const { outbox, protocol } = socket.data
        outbox.socket = socket
        pump.outboxes.add(outbox)
        tally.opened(tally.transports.websocket, protocol)
        pump.guarded(outbox, () => outbox.session.open())
      },
      message: (socket, message) => {
        tally.framesReceived++
        const { outbox, isStream, frameBytesMax, pings } = socket.data
        pings?.heard()
        if (isStream && typeof message === 'string') return refuseText(outbox)
        if (isLonger(message, frameBytesMax)) return refuseLength(outbox)
        writer.holds.during(outbox, () => {
          pump.guarded(outbox, () => outbox.session.receive(message))
        })
      },
      ping: (socket) => heard(socket.data),
      pong: (socket) => heard(socket.data),
      drain: (socket) => pump.guarded(socket.data.outbox, () => socket.data.outbox.drained()),
      close: (socket) => {
        const { outbox, protocol } = socket.data
        if (pump.outboxes.delete(outbox)) tally.closed(tally.transports.websocket, protocol)
        pump.guarded(outbox, () => outbox.gone())
      },
    }
  }

  /** Called about once a second. */
  tick(): void {
    const { pump, clock } = this.#ports
    const nowMs = clock.monotonicMs()
    this.#upgrades.tick(nowMs)
    for (const outbox of pump.outboxes) {
      const { pings } = outbox.socket.data
      if (pings !== undefined && nowMs >= pings.dueAtMs) this.#ping(outbox, pings, nowMs)
      // Most connections are not due: they cost two comparisons.
      if (nowMs < outbox.tickAtMs) continue
      pump.guarded(outbox, () => {
        outbox.tickAtMs = outbox.session.tick(nowMs)
      })
    }
  }

  #ping(outbox: SocketOutbox, pings: PingPlan, nowMs: number): void {
    if (outbox.isPaused) pings.postpone(nowMs)
    else if (pings.next(nowMs) === 'ping') outbox.socket.ping()
    else this.#ports.pump.guarded(outbox, () => outbox.session.end('pong_missing'))
  }

  /** From now on every upgrade is refused. */
  refuseNew(): void {
    this.#upgrades.refuseNew()
  }

  get openCount(): number {
    return this.#ports.pump.outboxes.size
  }

  /** Ends up to `countMax` connections as draining; those already closing are left to finish. */
  endSome(countMax: number): void {
    let left = countMax
    for (const outbox of this.#ports.pump.outboxes) {
      if (left <= 0) return
      if (this.#ports.pump.closing.has(outbox)) continue
      left--
      this.#ports.pump.guarded(outbox, () => outbox.session.end('draining'))
    }
  }

  /** Drops whatever is still connected. */
  terminateAll(): void {
    for (const outbox of this.#ports.pump.outboxes) outbox.socket.terminate()
  }
}

function heard({ outbox, pings }: SocketData): void {
  pings?.heard()
  outbox.session.heard()
}

/** Text of n UTF-16 units has n to 3n bytes: most is judged by its length alone. */
function isLonger(message: Frame, bytesMax: number): boolean {
  if (message.length > bytesMax) return true
  return (
    typeof message === 'string' &&
    message.length * 3 > bytesMax &&
    Buffer.byteLength(message) > bytesMax
  )
}

/** RFC 6455 §7.4.1 */
function refuseLength(outbox: SocketOutbox): void {
  outbox.close(1009, 'The message is too large.')
}

/** [MQTT-6.0.0-1]: text in a stream closes the connection; RFC 6455 §7.4.1 has the code. */
function refuseText(outbox: SocketOutbox): void {
  outbox.close(1003, 'Send binary frames.')
}
