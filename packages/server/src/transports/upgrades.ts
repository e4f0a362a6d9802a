/**
 * Decides on upgrade requests: who may come now, which protocol it is, what that says. What throws
 * costs its own request only. Bun takes the socket over at the end, also where the decision took a
 * while; where the client has gone meanwhile, it does not, and what was taken for it is given back.
 */
import { limitSubject } from '../core/limits/address-subject.ts'
import type { Guard } from '../core/limits/guard.ts'
import { refuseByLimit } from '../core/limits/limit-refusal.ts'
import type { LoadMonitor } from '../core/load/load-monitor.ts'
import type { RefusalCode } from '../core/refusals.ts'
import type { ProtocolName, Tally } from '../core/tally.ts'
import { limitedAnswer, refusedAnswer } from '../http/answers.ts'
import { tellFailure } from '../http/failures.ts'
import { UPGRADE_HEADERS } from '../http/security-headers.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { UpgradeRouter } from '../sessions/registry.ts'
import type { Admission, Session, UpgradeRequest } from '../sessions/session.ts'
import { BatchedOutbox } from './batched-outbox.ts'
import { SocketOutbox } from './outbox.ts'
import { abandon, PendingAdmissions } from './pending-admissions.ts'
import { PingPlans } from './ping-plan.ts'
import type { Pump } from './pump.ts'
import { RefusedSessions } from './refused-sessions.ts'
import type { Listener, SocketData } from './socket.ts'
import type { TurnWriter } from './turn-writer.ts'

export interface UpgradePorts {
  readonly pump: Pump
  readonly clock: Clock
  /** For sessions over a byte stream. */
  readonly writer: TurnWriter
  readonly tally: Tally
  readonly log: Log
  readonly router: UpgradeRouter
  /** Asked for every attempt to connect. */
  readonly guard: Guard
  readonly load: Pick<LoadMonitor, 'refusal' | 'retryAfterSeconds'>
}

export interface UpgradeLimits {
  /** Connections of the whole server. */
  readonly connectionCountMax: number
  /** One message of a client, whole. */
  readonly frameBytesMax: number
  /** One frame of a byte stream. */
  readonly streamFrameBytesMax: number
  /** How often a byte stream is pinged. */
  readonly streamPingMs: number
}

/** An upgrade request, and where it came in. */
export interface UpgradeAttempt {
  readonly request: Request
  readonly server: Listener
  readonly target: UpgradeRequest
  /** All that is spoken on this listener; undefined: every protocol. */
  readonly only: ProtocolName | undefined
}

type Answer = Response | undefined

export class Upgrades {
  readonly #limits: UpgradeLimits
  readonly #ports: UpgradePorts
  readonly #pending = new PendingAdmissions()
  readonly #pings = new PingPlans()
  readonly #refused: RefusedSessions
  #isDraining = false

  constructor(limits: UpgradeLimits, ports: UpgradePorts) {
    this.#limits = limits
    this.#ports = ports
    this.#refused = new RefusedSessions(ports.clock)
  }

  /** From now on every upgrade is refused. */
  refuseNew(): void {
    this.#isDraining = true
  }

  /** Called about once a second. */
  tick(nowMs: number): void {
    this.#pending.tick(nowMs)
  }

  /** @returns undefined once Bun has taken the socket over, else the HTTP answer. */
  decide(attempt: UpgradeAttempt): Answer | Promise<Answer> {
    const { target, only } = attempt
    const refused = this.#refusedAttempt(target) ?? this.#refusedNow()
    if (refused !== undefined) return refused
    try {
      const routed = this.#ports.router.admit(target, only)
      if (routed === undefined) return this.#refuse('path_unknown')
      const { protocol, admission } = routed
      if (!(admission instanceof Promise)) return this.#carryOut(admission, protocol, attempt)
      return this.#decideLater(admission, protocol, attempt)
    } catch (error) {
      return refusedAnswer(tellFailure(error, this.#ports))
    }
  }

  async #decideLater(
    deciding: Promise<Admission>,
    protocol: ProtocolName | undefined,
    attempt: UpgradeAttempt,
  ): Promise<Answer> {
    if (this.#pending.isFull) {
      deciding.then(abandon, () => {})
      return this.#overloaded()
    }
    try {
      const admission = await this.#pending.wait(deciding, this.#ports.clock.monotonicMs())
      if (admission === undefined) return this.#refuse('unavailable')
      // Whoever decided took its time: the client may have gone, the server may be full by now.
      const refused = attempt.request.signal.aborted ? GONE() : this.#refusedNow()
      if (refused === undefined) return this.#carryOut(admission, protocol, attempt)
      abandon(admission)
      return refused
    } catch (error) {
      return refusedAnswer(tellFailure(error, this.#ports))
    }
  }

  #carryOut(
    admission: Admission,
    protocol: ProtocolName | undefined,
    attempt: UpgradeAttempt,
  ): Answer {
    const { pump } = this.#ports
    const { request, server, target } = attempt
    if (admission.kind !== 'session') this.#ports.tally.refused(admission.refusal)
    if (admission.kind === 'refused_http') {
      const { refusal, limited, detail } = admission
      return limited === undefined ? refusedAnswer(refusal, detail) : limitedAnswer(limited)
    }
    const { subprotocol } = admission
    // Bun would echo the first subprotocol offered, which is not the one that was accepted.
    if (target.subprotocols.length > 0 && subprotocol === undefined) {
      abandon(admission)
      return refusedAnswer('request_malformed', NO_SUBPROTOCOL)
    }
    const outbox = new SocketOutbox(server, pump)
    outbox.session = this.#startSession(outbox, admission)
    const data = this.#dataOf(outbox, admission, protocol)
    const headers =
      subprotocol === undefined
        ? UPGRADE_HEADERS
        : { ...UPGRADE_HEADERS, 'Sec-WebSocket-Protocol': subprotocol }
    if (server.upgrade(request, { data, headers })) return undefined
    abandon(admission)
    return refusedAnswer('request_malformed', NO_HANDSHAKE)
  }

  #dataOf(
    outbox: SocketOutbox,
    admission: Exclude<Admission, { readonly kind: 'refused_http' }>,
    protocol: ProtocolName | undefined,
  ): SocketData {
    const { frameBytesMax, streamFrameBytesMax, streamPingMs } = this.#limits
    if (admission.kind !== 'session') {
      return { outbox, isStream: false, frameBytesMax, pings: undefined, protocol: undefined }
    }
    const nowMs = this.#ports.clock.monotonicMs()
    const isStream = admission.carries === 'stream'
    const pings = admission.isPinged
      ? this.#pings.awaited(nowMs)
      : isStream
        ? this.#pings.unawaited(nowMs, streamPingMs)
        : undefined
    const usual = isStream ? streamFrameBytesMax : frameBytesMax
    return {
      ...{ outbox, isStream, pings, protocol },
      frameBytesMax: admission.frameBytesMax ?? usual,
    }
  }

  #startSession(
    outbox: SocketOutbox,
    admission: Exclude<Admission, { readonly kind: 'refused_http' }>,
  ): Session {
    if (admission.kind === 'refused_frame') return this.#refused.start(outbox, admission)
    const { writer } = this.#ports
    const isStream = admission.carries === 'stream'
    try {
      return admission.start(
        isStream ? new BatchedOutbox(outbox, { writer, holds: writer.holds }) : outbox,
        outbox,
      )
    } catch (error) {
      abandon(admission)
      throw error
    }
  }

  /** Who knocks too often costs a look-up: which app is meant is not looked at. */
  #refusedAttempt({ source }: UpgradeRequest): Response | undefined {
    if (this.#isDraining) return refusedAnswer('draining')
    const { guard, tally } = this.#ports
    const told = () => ({ ...source(), protocol: 'websocket' })
    const { refused } = guard.connect(limitSubject(source().ip), told)
    if (refused === undefined) return undefined
    tally.refused('rate_limited')
    return limitedAnswer(refuseByLimit(refused))
  }

  /** Old connections stay; who is sent away is told when to come back, each another time. */
  #refusedNow(): Response | undefined {
    if (this.#isDraining) return refusedAnswer('draining')
    const { load, tally } = this.#ports
    const isFull = tally.connectionsOpen >= this.#limits.connectionCountMax
    return isFull || load.refusal() !== undefined ? this.#overloaded() : undefined
  }

  #overloaded(): Response {
    const { load, tally } = this.#ports
    tally.refused('overloaded')
    const headers = { 'retry-after': String(load.retryAfterSeconds()) }
    return refusedAnswer('overloaded', undefined, headers)
  }

  #refuse(refusal: RefusalCode): Response {
    this.#ports.tally.refused(refusal)
    return refusedAnswer(refusal)
  }
}

const NO_SUBPROTOCOL = 'This path speaks no WebSocket subprotocol. Offer none.'
const NO_HANDSHAKE = 'Send a WebSocket handshake of version 13 (RFC 6455).'
/** Nobody reads it. */
const GONE = () => refusedAnswer('request_malformed')
