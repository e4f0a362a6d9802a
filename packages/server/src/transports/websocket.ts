/**
 * WebSockets: from an upgrade request to a session and back. RFC 6455 itself (framing, masking,
 * UTF-8, close handshake) is Bun's; this owns admission, timers and the end of every connection.
 */
import { limitSubject } from '../core/limits/address-subject.ts'
import type { Guard } from '../core/limits/guard.ts'
import { refuseByLimit } from '../core/limits/limit-refusal.ts'
import type { LoadMonitor } from '../core/load/load-monitor.ts'
import { REFUSALS } from '../core/refusals.ts'
import type { Tally } from '../core/tally.ts'
import { limitedAnswer, refusedAnswer } from '../http/answers.ts'
import { UPGRADE_HEADERS } from '../http/security-headers.ts'
import type { Clock } from '../ports/clock.ts'
import type { Frame } from '../ports/fanout.ts'
import { admitUpgrade } from '../sessions/registry.ts'
import type { Admission, Session, UpgradeRequest, WebSocketProtocol } from '../sessions/session.ts'
import { BatchedOutbox } from './batched-outbox.ts'
import { SocketOutbox } from './outbox.ts'
import { BUN_BACKPRESSURE_BYTES, type Pump } from './pump.ts'
import type { Listener, SocketData } from './socket.ts'
import type { TurnWriter } from './turn-writer.ts'

interface WebSocketLimits {
  /** Connections of the whole server. */
  readonly connectionCountMax: number
  /** One message of a client, whole. */
  readonly webSocketFrameBytesMax: number
  /** After the first a session asks for a sign of life, after the second it ends. */
  readonly activityTimeoutMs: number
  readonly pongTimeoutMs: number
}

/** As the configuration has them. */
export interface WebSocketSettings {
  readonly limits: WebSocketLimits
  /** One frame of a byte stream holds no more than one packet may. */
  readonly mqtt: { readonly packetBytesMax: number }
}

export interface WebSocketPorts {
  readonly pump: Pump
  readonly clock: Clock
  /** For sessions over a byte stream. */
  readonly writer: TurnWriter
  readonly tally: Tally
  readonly protocols: readonly WebSocketProtocol[]
  /** Asked for every attempt to connect. */
  readonly guard: Guard
  readonly load: Pick<LoadMonitor, 'refusal' | 'retryAfterSeconds'>
}

/** How much later than a session Bun itself gives a silent socket up. */
const BUN_IDLE_MARGIN_MS = 30_000

export class WebSockets {
  readonly #limits: WebSocketLimits
  readonly #streamFrameBytesMax: number
  readonly #ports: WebSocketPorts
  #isDraining = false
  /**
   * When streams are pinged next: a client may be silent for as long as its protocol allows, which
   * is longer than Bun does without a pong.
   */
  #pingAtMs = 0

  constructor({ limits, mqtt }: WebSocketSettings, ports: WebSocketPorts) {
    this.#limits = limits
    this.#streamFrameBytesMax = mqtt.packetBytesMax
    this.#ports = ports
  }

  /**
   * Answers an upgrade request.
   * @returns undefined once Bun has taken the socket over, else the HTTP answer.
   */
  upgrade(
    request: Request,
    server: Listener,
    target: UpgradeRequest,
  ): Response | undefined | Promise<Response | undefined> {
    const { protocols } = this.#ports
    if (this.#isDraining) return refusedAnswer('draining')
    const limited = this.#refusedAttempt(target)
    if (limited !== undefined) return limited
    const overloaded = this.#overloaded()
    if (overloaded !== undefined) return overloaded
    const admission = admitUpgrade(protocols, target)
    if (admission === undefined) return refusedAnswer('path_unknown')
    if (!(admission instanceof Promise)) {
      return this.#carryOut(admission, { request, server, target })
    }
    return admission.then((later) => {
      // Whoever decided took its time: the server may be going away by now.
      if (this.#isDraining) return refusedAnswer('draining')
      return this.#carryOut(later, { request, server, target })
    })
  }

  #carryOut(
    admission: Admission,
    at: { readonly request: Request; readonly server: Listener; readonly target: UpgradeRequest },
  ): Response | undefined {
    const { pump, tally } = this.#ports
    const { request, server, target } = at
    if (admission.kind !== 'session') tally.refused(admission.refusal)
    if (admission.kind === 'refused_http') {
      const { refusal, limited, detail } = admission
      return limited === undefined ? refusedAnswer(refusal, detail) : limitedAnswer(limited)
    }
    const { subprotocol } = admission
    // Bun would echo the first subprotocol offered, which is not the one that was accepted.
    if (target.subprotocols.length > 0 && subprotocol === undefined) {
      return refusedAnswer('request_malformed', NO_SUBPROTOCOL)
    }
    const outbox = new SocketOutbox(server, pump)
    outbox.session = this.#startSession(outbox, admission)
    const isStream = admission.kind === 'session' && admission.carries === 'stream'
    const headers =
      subprotocol === undefined
        ? UPGRADE_HEADERS
        : { ...UPGRADE_HEADERS, 'Sec-WebSocket-Protocol': subprotocol }
    if (server.upgrade(request, { data: { outbox, isStream }, headers })) return undefined
    return refusedAnswer(
      'request_malformed',
      'Send a WebSocket handshake of version 13 (RFC 6455).',
    )
  }

  #startSession(
    outbox: SocketOutbox,
    admission: Exclude<Admission, { readonly kind: 'refused_http' }>,
  ): Session {
    if (admission.kind === 'session') {
      const { writer } = this.#ports
      const isStream = admission.carries === 'stream'
      return admission.start(
        isStream ? new BatchedOutbox(outbox, { writer, holds: writer.holds }) : outbox,
        outbox,
      )
    }
    const { frame, refusal, closeCode: code } = admission
    return refusedSession(outbox, frame, {
      code,
      reason: admission.reason ?? REFUSALS[refusal].text,
    })
  }

  /** Old connections stay; who is sent away is told when to come back, each another time. */
  #overloaded(): Response | undefined {
    const { load, tally } = this.#ports
    const isFull = tally.connectionsOpen >= this.#limits.connectionCountMax
    if (!isFull && load.refusal() === undefined) return undefined
    tally.refused('overloaded')
    const headers = { 'retry-after': String(load.retryAfterSeconds()) }
    return refusedAnswer('overloaded', undefined, headers)
  }

  /** Who knocks too often costs a look-up: which app is meant is not looked at. */
  #refusedAttempt({ source }: UpgradeRequest): Response | undefined {
    const { guard, tally } = this.#ports
    const told = () => ({ ...source(), protocol: 'websocket' })
    const { refused } = guard.connect(limitSubject(source().ip), told)
    if (refused === undefined) return undefined
    tally.refused('rate_limited')
    return limitedAnswer(refuseByLimit(refused))
  }

  /** The handlers Bun calls for every socket of a listener. */
  handlers(): Bun.WebSocketHandler<SocketData> {
    const { pump, tally, writer } = this.#ports
    const { activityTimeoutMs, pongTimeoutMs } = this.#limits
    const { webSocketFrameBytesMax } = this.#limits
    return {
      // One bound for all paths is all that Bun has; the smaller one is kept below.
      maxPayloadLength: Math.max(webSocketFrameBytesMax, this.#streamFrameBytesMax),
      backpressureLimit: BUN_BACKPRESSURE_BYTES,
      closeOnBackpressureLimit: true,
      idleTimeout: Math.ceil((activityTimeoutMs + pongTimeoutMs + BUN_IDLE_MARGIN_MS) / 1000),
      sendPings: false,
      publishToSelf: false,
      perMessageDeflate: false,
      open: (socket) => {
        const { outbox } = socket.data
        outbox.socket = socket
        pump.outboxes.add(outbox)
        tally.opened(tally.transports.websocket)
        pump.guarded(socket.data.outbox, () => outbox.session.open())
      },
      message: (socket, message) => {
        tally.framesReceived++
        const { outbox, isStream } = socket.data
        if (isStream && typeof message === 'string') return refuseText(outbox)
        if (!isStream && isLonger(message, webSocketFrameBytesMax)) return refuseLength(outbox)
        writer.holds.during(outbox, () => {
          pump.guarded(outbox, () => outbox.session.receive(message))
        })
      },
      ping: (socket) => socket.data.outbox.session.heard(),
      pong: (socket) => socket.data.outbox.session.heard(),
      drain: (socket) => pump.guarded(socket.data.outbox, () => socket.data.outbox.drained()),
      close: (socket) => {
        if (pump.outboxes.delete(socket.data.outbox)) tally.closed(tally.transports.websocket)
        pump.guarded(socket.data.outbox, () => socket.data.outbox.gone())
      },
    }
  }

  /** Called about once a second. */
  tick(): void {
    const { pump, clock } = this.#ports
    const nowMs = clock.monotonicMs()
    const isPingTurn = nowMs >= this.#pingAtMs
    if (isPingTurn) this.#pingAtMs = nowMs + this.#limits.activityTimeoutMs
    for (const outbox of pump.outboxes) {
      if (isPingTurn && outbox.socket.data.isStream) outbox.socket.ping()
      // Most connections are not due: they cost one comparison.
      if (nowMs < outbox.tickAtMs) continue
      pump.guarded(outbox, () => {
        outbox.tickAtMs = outbox.session.tick(nowMs)
      })
    }
  }

  /** From now on every upgrade is refused. */
  refuseNew(): void {
    this.#isDraining = true
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
      outbox.session.end('draining')
    }
  }

  /** Drops whatever is still connected. */
  terminateAll(): void {
    for (const outbox of this.#ports.pump.outboxes) outbox.socket.terminate()
  }
}

const NO_SUBPROTOCOL = 'This path speaks no WebSocket subprotocol. Offer none.'

/** Tells a client why it is refused, in the only place pusher-js looks: the close code. */
function refusedSession(
  outbox: SocketOutbox,
  frame: Frame | undefined,
  close: { readonly code: number; readonly reason: string },
): Session {
  const nothing = () => {}
  return {
    open() {
      outbox.close(close.code, close.reason, frame)
    },
    receive: nothing,
    heard: nothing,
    tick: () => Number.POSITIVE_INFINITY,
    end: nothing,
    closed: nothing,
  }
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
