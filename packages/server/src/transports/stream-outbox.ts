/**
 * What one TCP or TLS socket still has to send. Frames are queued by reference and written once per
 * turn; what the system does not take stays here and goes on when it takes more. A reader that
 * falls too far behind, or takes nothing for too long, is cut and counted as `slow_consumer`, by
 * the rules of `outbox.ts`. Nothing is dropped from a connection that stays open.
 */
import type { TransportTraffic } from '../core/tally.ts'
import type { Frame, PacedOutbox } from '../ports/fanout.ts'
import type { Session } from '../sessions/session.ts'
import type { Batch } from './batch.ts'
import { type Holds, PausableInflow } from './holds.ts'
import {
  CLOSE_MS_MAX,
  HOLD_MS_MAX,
  HOLD_PROGRESS_MS,
  LAG_BYTES,
  LAG_MS_MAX,
  STALL_MS_MAX,
} from './outbox.ts'
import type { Pump } from './pump.ts'
import { StreamBacklog } from './stream-backlog.ts'
import type { StreamSocket } from './stream-socket.ts'
import type { TurnOutbox, TurnWriter } from './turn-writer.ts'

/** Queued in one turn beyond this, a socket is written at once: it may well take all of it. */
const EARLY_WRITE_BYTES = LAG_BYTES
/** With no more left than this, a reader has caught up. */
const CAUGHT_UP_BYTES = LAG_BYTES / 2
interface Backlog {
  readonly held: StreamBacklog
  progressAtMs: number
  /** Since when it has been more than a socket may be behind. */
  lagsSinceMs: number | undefined
}

export interface StreamOutboxPorts {
  /** Keeps the account of everything that lags, over all transports. */
  readonly pump: Pump
  readonly writer: TurnWriter
  readonly holds: Holds
  /** Of its kind of transport. */
  readonly traffic: TransportTraffic
}

export class StreamOutbox extends PausableInflow implements PacedOutbox, TurnOutbox {
  readonly socket: StreamSocket
  /** Undefined until the connection is admitted; nothing is sent before. */
  session: Session | undefined
  /** When the session wants to look at the time. */
  tickAtMs = 0
  /** When a socket that has sent nothing is given up. */
  silentUntilMs: number
  readonly #ports: StreamOutboxPorts
  #batch: Batch | undefined
  #backlog: Backlog | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closeDeadlineMs = Number.POSITIVE_INFINITY
  /** A frame did not fit: nothing more is taken, so that what was sent stays without a gap. */
  #isDoomed = false
  /** The session was told that there is no room. */
  #isAwaited = false
  #hasShutDown = false
  #hasPeerEnded = false

  constructor(socket: StreamSocket, ports: StreamOutboxPorts, silentUntilMs: number) {
    super()
    this.socket = socket
    this.#ports = ports
    this.silentUntilMs = silentUntilMs
  }

  get traffic(): TransportTraffic {
    return this.#ports.traffic
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get hasRoom(): boolean {
    const { pump, holds } = this.#ports
    if (this.#heldBytes() < pump.roomBytes && !this.#isDoomed) return true
    this.#isAwaited = true
    holds.note(this)
    return false
  }

  isCatchingUp(): boolean {
    const backlog = this.#backlog
    if (backlog?.lagsSinceMs === undefined || this.#isDoomed || !this.isOpen) return false
    const nowMs = this.#ports.pump.nowMs()
    const hasProgress = nowMs - backlog.progressAtMs < HOLD_PROGRESS_MS
    return hasProgress && nowMs - backlog.lagsSinceMs < HOLD_MS_MAX
  }

  protected get isReadable(): boolean {
    return this.#state !== 'closed'
  }

  protected setReading(reads: 'on' | 'off'): void {
    if (reads === 'on') this.socket.resume()
    else this.socket.pause()
  }

  terminate(): void {
    this.socket.terminate()
  }

  send(frame: Frame): void {
    if (this.#state !== 'open' || this.#isDoomed) return
    const { writer, holds } = this.#ports
    if (this.#backlog?.lagsSinceMs !== undefined) holds.note(this)
    const bytes = typeof frame === 'string' ? Buffer.from(frame) : frame
    if (this.#batch === undefined) writer.add(this)
    const batch = (this.#batch ?? writer.batch).append(bytes)
    this.#batch = batch
    if (batch.bytes >= EARLY_WRITE_BYTES) this.#write()
  }

  close(_code: number, _reason: string, lastFrame?: Frame): void {
    if (this.#state !== 'open') return
    if (lastFrame !== undefined) this.send(lastFrame)
    this.#state = 'closing'
    const { pump } = this.#ports
    this.#closeDeadlineMs = pump.nowMs() + CLOSE_MS_MAX
    pump.closing.add(this)
    this.#write()
    this.readOn()
    this.#finishClosing()
    if (this.session !== undefined) pump.departures.add(this.session)
  }

  flush(): number {
    const bytes = this.#batch?.bytes ?? 0
    this.#write()
    return bytes
  }

  /** The system takes bytes again. */
  drained(): void {
    this.#writeBacklog()
    if (this.#state === 'closing') this.#finishClosing()
    else this.#tellRoom()
  }

  /** Called about ten times a second while it lags or closes. */
  check(nowMs: number): void {
    if (this.#state === 'closing') {
      if (nowMs >= this.#closeDeadlineMs) this.socket.terminate()
      return
    }
    this.drained()
    const backlog = this.#backlog
    if (backlog?.lagsSinceMs === undefined) return
    const hasStalled = nowMs - backlog.progressAtMs >= STALL_MS_MAX
    if (hasStalled || nowMs - backlog.lagsSinceMs >= LAG_MS_MAX) this.cut()
  }

  /** Ends a connection that does not keep up. */
  cut(): void {
    if (this.#state !== 'open') return
    this.#ports.pump.countCut()
    this.#keepBegunFrame()
    this.#isDoomed = false
    this.#ports.pump.guarded(this, () => this.session?.end('slow_consumer'))
    // Whatever the session did: it does not stay.
    this.close(0, '')
  }

  /** The peer sends nothing more, so that no session can go on: what is queued leaves, then FIN. */
  ended(): void {
    this.#hasPeerEnded = true
    if (this.#state === 'open') this.close(0, '')
    else this.#finishClosing()
  }

  /** The socket is gone, whoever closed it. */
  gone(): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    this.#state = 'closed'
    this.#batch = undefined
    this.#dropBacklog()
    this.#ports.pump.closing.delete(this)
    if (wasOpen) this.session?.closed()
  }

  #heldBytes(): number {
    return this.#backlog?.held.bytes ?? 0
  }

  #write(): void {
    const batch = this.#batch
    if (batch === undefined) return
    this.#batch = undefined
    if (this.#state === 'closed') return
    if (this.#backlog !== undefined) this.#keep(batch.frames(), 0)
    else this.#writePieces(batch)
    this.#tellRoom()
  }

  #writePieces(batch: Batch): void {
    let written = 0
    for (const piece of batch.pieces()) {
      const taken = this.#writeSome(piece)
      written += taken
      if (taken < piece.byteLength) break
    }
    if (written < batch.bytes) this.#keep(batch.frames(), written)
  }

  /** @returns how much the system took. */
  #writeSome(piece: Uint8Array): number {
    const taken = Math.max(0, this.socket.write(piece)) // Below zero: the close is on its way.
    this.traffic.bytesSent += taken
    return taken
  }

  /** Keeps what was not written of `frames`. */
  #keep(frames: readonly Uint8Array[], written: number): void {
    const { pump } = this.#ports
    const nowMs = pump.nowMs()
    this.#backlog ??= { held: new StreamBacklog(), progressAtMs: nowMs, lagsSinceMs: undefined }
    const backlog = this.#backlog
    const before = backlog.held.bytes
    backlog.held.add(frames, written)
    const added = backlog.held.bytes - before
    if (!pump.takeBacklog(before, added)) {
      // Not at once: a cut tells the session, and this may run inside of what it does.
      pump.holdBacklog(added)
      this.#isDoomed = true
      pump.cutLater(this)
      return
    }
    if (backlog.held.bytes <= LAG_BYTES || backlog.lagsSinceMs !== undefined) return
    backlog.lagsSinceMs = nowMs
    pump.lagging.add(this)
  }

  #writeBacklog(): void {
    const backlog = this.#backlog
    if (backlog === undefined || this.#state === 'closed') return
    const { pump } = this.#ports
    while (backlog.held.bytes > 0) {
      const piece = backlog.held.piece()
      const taken = this.#writeSome(piece)
      if (taken > 0) {
        backlog.held.advance(taken)
        backlog.progressAtMs = pump.nowMs()
        pump.releaseBacklog(taken)
      }
      if (taken < piece.byteLength) break
    }
    if (backlog.held.bytes <= CAUGHT_UP_BYTES) {
      backlog.lagsSinceMs = undefined
      pump.lagging.delete(this)
    }
    if (backlog.held.bytes === 0) this.#dropBacklog()
  }

  #dropBacklog(): void {
    if (this.#backlog === undefined) return
    const { pump } = this.#ports
    pump.releaseBacklog(this.#backlog.held.bytes)
    pump.lagging.delete(this)
    this.#backlog = undefined
  }

  /** A reader that takes nothing still has to find the end of the frame it was given half of. */
  #keepBegunFrame(): void {
    this.#batch = undefined
    const backlog = this.#backlog
    if (backlog === undefined) return
    const before = backlog.held.bytes
    backlog.held.keepBegunFrame()
    const { pump } = this.#ports
    pump.releaseBacklog(before - backlog.held.bytes)
    pump.lagging.delete(this)
    if (backlog.held.bytes === 0) this.#backlog = undefined
  }

  #finishClosing(): void {
    if (this.#backlog !== undefined) return
    if (this.#hasPeerEnded) this.socket.end()
    else if (!this.#hasShutDown) this.socket.shutdown()
    this.#hasShutDown = true
  }

  #tellRoom(): void {
    const { pump } = this.#ports
    if (!this.#isAwaited || !this.isOpen || this.#heldBytes() >= pump.roomBytes / 2) return
    this.#isAwaited = false
    pump.guarded(this, () => this.session?.writable?.())
  }
}
