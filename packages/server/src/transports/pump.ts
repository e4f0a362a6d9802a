/**
 * Paces everything that is fanned out. A turn of the event loop writes a bounded number of bytes to
 * any one socket and touches a bounded number of sockets; what is left waits in its group's queue
 * for the next turn. Every so many bytes the buffers of all sockets are looked at, so that Bun's
 * own back-pressure limit, at which it drops silently, is never reached (ADR 0002).
 */
import type { Tally } from '../core/tally.ts'
import type { Clock } from '../ports/clock.ts'
import type { Fanout, FanoutGroup } from '../ports/fanout.ts'
import type { Log } from '../ports/log.ts'
import { Departures } from './departures.ts'
import { Group } from './group.ts'
import { LAG_BYTES, type SocketOutbox } from './outbox.ts'
import { atEdge, type EdgePorts, type GuardedConnection } from './session-edge.ts'
import { SLICE_SOCKET_COUNT_MAX, type Slice } from './slice.ts'

/** Most bytes one turn publishes to all groups together, and so to any one socket. */
export const TURN_BYTES_MAX = 1024 * 1024
/** How often a burst that waits for readers is looked at. */
const HELD_TURN_MS = 2
/** Most sockets one turn writes to. */
export const TURN_SOCKET_COUNT_MAX = SLICE_SOCKET_COUNT_MAX
/** Published bytes after which all buffers are looked at. */
export const SWEEP_BYTES = 1024 * 1024
/** Frames waiting in the queues of all groups; beyond it publishers are refused as `overloaded`. */
export const PENDING_BYTES_MAX = 64 * 1024 * 1024
/** The most a lagging connection holds before its session is told that there is no room. */
const ROOM_BYTES_MAX = 1024 * 1024
/** Backlogs of all lagging sockets together, each counted as if nothing were shared. */
export const BACKLOG_BYTES_MAX = 1024 * 1024 * 1024
/**
 * Bun's own limit per socket, where `publish` starts to drop. Between two sweeps a socket gets at
 * most LAG_BYTES + SWEEP_BYTES + two turns, a twentieth of this.
 */
export const BUN_BACKPRESSURE_BYTES = 64 * 1024 * 1024

export interface PumpPorts {
  readonly clock: Clock
  readonly tally: Tally
  readonly log: Log
}

/** A connection that lags or closes, whatever carries it. */
export interface PacedConnection {
  check(nowMs: number): void
  cut(): void
}

export class Pump implements Fanout {
  readonly outboxes = new Set<SocketOutbox>()
  readonly lagging = new Set<PacedConnection>()
  readonly closing = new Set<PacedConnection>()
  readonly departures: Departures
  readonly outboxBytesMax: number
  /** Held of one lagging connection beyond this, its session is told that there is no room. */
  readonly roomBytes: number
  readonly #clock: Clock
  readonly #tally: Tally
  readonly #ports: EdgePorts
  readonly #behind = new Set<Group>()
  readonly #doomed = new Set<PacedConnection>()
  #topicCount = 0
  #turn = 0
  #turnBytes = 0
  #turnSockets = 0
  #isTurnEndDue = false
  #bytesSinceSweep = 0
  #pendingBytes = 0
  #backlogBytes = 0

  constructor(outboxBytesMax: number, ports: PumpPorts) {
    this.outboxBytesMax = outboxBytesMax
    this.roomBytes = Math.min(ROOM_BYTES_MAX, outboxBytesMax / 2)
    this.#clock = ports.clock
    this.#tally = ports.tally
    this.#ports = ports
    this.departures = new Departures(ports)
  }

  createGroup(): FanoutGroup {
    return new Group(this)
  }

  hasRoom(): boolean {
    return this.#pendingBytes < PENDING_BYTES_MAX
  }

  nowMs(): number {
    return this.#clock.monotonicMs()
  }

  /** @returns a topic name no other slice uses. */
  nextTopic(): string {
    return String(this.#topicCount++)
  }

  /** Whether `slice` may be written `bytes` in this turn; what it takes is charged. */
  admit(slice: Slice, bytes: number): boolean {
    this.#endTurnLater()
    if (this.lagging.size > 0 && slice.isHeld(this.nowMs())) return false
    const isFirstWrite = this.#turnBytes === 0
    if (!isFirstWrite && this.#turnBytes + bytes > TURN_BYTES_MAX) return false
    if (slice.turn !== this.#turn) {
      if (!isFirstWrite && this.#turnSockets + slice.size > TURN_SOCKET_COUNT_MAX) return false
      slice.turn = this.#turn
      this.#turnSockets += slice.size
    }
    this.#turnBytes += bytes
    return true
  }

  /** Comes back to a group whose slices are not all written. */
  continueLater(group: Group): void {
    this.#behind.add(group)
    this.#endTurnLater()
  }

  holdPending(bytes: number): void {
    this.#pendingBytes += bytes
    this.#tally.pendingFrameBytes = this.#pendingBytes
  }

  /** @returns false when neither the socket nor the server may hold that much more. */
  takeBacklog(ownBytes: number, bytes: number): boolean {
    if (ownBytes + bytes > this.outboxBytesMax) return false
    if (this.#backlogBytes + bytes > BACKLOG_BYTES_MAX) return false
    this.holdBacklog(bytes)
    return true
  }

  /** Counts what is held beyond the bound until its connection is cut, in this turn. */
  holdBacklog(bytes: number): void {
    this.#backlogBytes += bytes
    this.#tally.backlogBytes = this.#backlogBytes
  }

  releaseBacklog(bytes: number): void {
    this.#backlogBytes -= bytes
    this.#tally.backlogBytes = this.#backlogBytes
  }

  /** Looks after sockets that lag or close. Called about ten times a second. */
  check(): void {
    const nowMs = this.nowMs()
    for (const outbox of [...this.lagging]) outbox.check(nowMs)
    for (const outbox of [...this.closing]) outbox.check(nowMs)
    this.#tally.laggingConnections = this.lagging.size
  }

  /** Cuts a socket whose backlog is full, when nothing walks through the groups. */
  cutLater(outbox: PacedConnection): void {
    this.#doomed.add(outbox)
    this.#endTurnLater()
  }

  /** Runs what a session does, so that what it throws costs its own connection only. */
  guarded(connection: GuardedConnection, work: () => void): void {
    atEdge(connection, this.#ports, work)
  }

  countCut(): void {
    this.#tally.slowConsumers++
  }

  #endTurnLater(): void {
    if (this.#isTurnEndDue) return
    this.#isTurnEndDue = true
    setImmediate(() => this.#endTurn())
  }

  #endTurn(): void {
    this.#bytesSinceSweep += this.#turnBytes
    this.#turn++
    this.#turnBytes = 0
    this.#turnSockets = 0
    for (const outbox of this.#doomed) outbox.cut()
    this.#doomed.clear()
    if (this.#bytesSinceSweep >= SWEEP_BYTES) this.#sweep()
    for (const group of [...this.#behind]) {
      // Taken out and put back behind the others, so that each group gets its part of every turn.
      this.#behind.delete(group)
      group.advance()
    }
    const isWaiting = this.#behind.size > 0 && this.#turnBytes === 0
    this.#isTurnEndDue = this.#behind.size > 0 || this.#turnBytes > 0 || this.#doomed.size > 0
    if (isWaiting) setTimeout(() => this.#endTurn(), HELD_TURN_MS)
    else if (this.#isTurnEndDue) setImmediate(() => this.#endTurn())
  }

  #sweep(): void {
    this.#bytesSinceSweep = 0
    for (const outbox of this.outboxes) {
      if (!outbox.isLagging && outbox.socket.getBufferedAmount() > LAG_BYTES) outbox.lag()
    }
  }
}
