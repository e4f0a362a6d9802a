/**
 * What one socket still has to send. Most sockets only use Bun's own buffer. One that reads slower
 * than frames arrive leaves its topics and gets a backlog of references to the shared frames until
 * it has caught up, or is cut: counted as `slow_consumer`, closed with 4100 where that can still be
 * written. Nothing is ever dropped from a connection that stays open.
 */
import type { Frame, PacedOutbox } from '../ports/fanout.ts'
import type { Session } from '../sessions/session.ts'
import { PausableInflow } from './holds.ts'
import type { Pump } from './pump.ts'
import type { Slice } from './slice.ts'
import type { Listener, Socket } from './socket.ts'

/**
 * Buffered inside Bun beyond this, a socket is lagging. Far below Bun's own limit, where it drops.
 */
export const LAG_BYTES = 256 * 1024
/** How long a lagging socket may go without taking anything. */
export const STALL_MS_MAX = 2_500
/** How long a socket may lag in one go, however steadily it reads. */
export const LAG_MS_MAX = 60_000
/**
 * A burst waits for a socket that lags but reads, so that reading at all is enough to lose nothing:
 * from this part of its own bound on, while its last progress is this recent, and so long at most.
 * Only what a turn could not write anyway waits, and only in the slice of that socket.
 */
export const HOLD_BACKLOG_PART = 0.25
export const HOLD_PROGRESS_MS = 250
export const HOLD_MS_MAX = 2_500
/** How long a closing socket may take to read what is left. */
export const CLOSE_MS_MAX = 2_500

/** The group a slice belongs to. */
interface SliceOwner {
  forget(slice: Slice): void
}

interface Backlog {
  readonly frames: { readonly frame: Frame; readonly bytes: number }[]
  /** Frames before this index are written. */
  head: number
  bytes: number
  readonly sinceMs: number
  progressAtMs: number
  bufferedBytes: number
}

export class SocketOutbox extends PausableInflow implements PacedOutbox {
  /** Set by the transport as soon as each exists; nothing is sent before. */
  socket!: Socket
  session!: Session
  /** When the session wants to look at the time. */
  tickAtMs = 0
  readonly listener: Listener
  readonly slices: { readonly group: SliceOwner; readonly slice: Slice }[] = []
  readonly #pump: Pump
  #backlog: Backlog | undefined
  /** A frame did not fit: nothing more is taken, so that what was sent stays without a gap. */
  #isDoomed = false
  /** The session was told that there is no room. */
  #isAwaited = false
  #state: 'open' | 'closing' | 'closed' = 'open'
  #close: { code: number; reason: string; deadlineMs: number } | undefined

  constructor(listener: Listener, pump: Pump) {
    super()
    this.listener = listener
    this.#pump = pump
  }

  /** Bun has let go of the socket and of its topics. */
  get isGone(): boolean {
    return this.#state === 'closed'
  }

  get isLagging(): boolean {
    return this.#backlog !== undefined
  }

  get hasRoom(): boolean {
    const hasRoom = (this.#backlog?.bytes ?? 0) < this.#pump.roomBytes && !this.#isDoomed
    if (!hasRoom) this.#isAwaited = true
    return hasRoom
  }

  terminate(): void {
    this.socket.terminate()
  }

  /** Whether a burst waits for this lagging socket. */
  isHolding(nowMs: number): boolean {
    const bytes = this.#backlog?.bytes ?? 0
    return bytes >= this.#pump.outboxBytesMax * HOLD_BACKLOG_PART && this.isCatchingUp(nowMs)
  }

  isCatchingUp(nowMs = this.#pump.nowMs()): boolean {
    const backlog = this.#backlog
    if (backlog === undefined || this.#isDoomed || this.#state !== 'open') return false
    const hasProgress = nowMs - backlog.progressAtMs < HOLD_PROGRESS_MS
    return hasProgress && nowMs - backlog.sinceMs < HOLD_MS_MAX
  }

  protected get isReadable(): boolean {
    return this.#state !== 'closed'
  }

  protected setReading(reads: 'on' | 'off'): void {
    if (reads === 'on') this.socket.resume()
    else this.socket.pause()
  }

  send(frame: Frame): void {
    if (this.#state !== 'open') return
    if (this.#backlog !== undefined) {
      this.enqueue(frame, byteLength(frame))
      return
    }
    if (this.socket.send(frame) <= 0 && this.socket.getBufferedAmount() > LAG_BYTES) this.lag()
  }

  close(code: number, reason: string, lastFrame?: Frame): void {
    if (this.#state !== 'open') return
    this.readOn()
    const isDrained = this.#backlog === undefined && this.socket.getBufferedAmount() === 0
    if (!isDrained && lastFrame !== undefined) this.send(lastFrame)
    this.#state = 'closing'
    if (isDrained) {
      // Both frames in one write: it is what a close costs most.
      this.socket.cork(() => {
        if (lastFrame !== undefined) this.socket.send(lastFrame)
        this.socket.close(code, reason)
      })
    } else this.#close = { code, reason, deadlineMs: this.#pump.nowMs() + CLOSE_MS_MAX }
    this.#leaveSlices()
    this.#finishClosing()
    this.#pump.departures.add(this.session)
  }

  /** Adds a frame for a socket that is lagging. */
  enqueue(frame: Frame, bytes: number): void {
    const backlog = this.#backlog
    if (backlog === undefined || this.#state !== 'open' || this.#isDoomed) return
    if (!this.#pump.takeBacklog(backlog.bytes, bytes)) {
      // Not at once: this runs inside a fan-out, and a cut changes the groups it walks through.
      this.#isDoomed = true
      this.#pump.cutLater(this)
      return
    }
    backlog.frames.push({ frame, bytes })
    backlog.bytes += bytes
  }

  /** Leaves the topics and starts a backlog; called when Bun holds too much for this socket. */
  lag(): void {
    if (this.#state !== 'open' || this.#backlog !== undefined) return
    const nowMs = this.#pump.nowMs()
    const bufferedBytes = this.socket.getBufferedAmount()
    this.#backlog = {
      frames: [],
      head: 0,
      bytes: 0,
      sinceMs: nowMs,
      progressAtMs: nowMs,
      bufferedBytes,
    }
    this.#pump.lagging.add(this)
    for (const { slice } of this.slices) slice.setLagging(this)
  }

  /**
   * The socket took bytes: writes more of the backlog, and returns to the topics when it is empty.
   */
  drained(): void {
    if (this.#state === 'closing') return this.#finishClosing()
    const backlog = this.#backlog
    if (backlog === undefined || this.#state !== 'open') return
    this.#noteProgress(backlog)
    this.#writeBacklog(backlog)
    backlog.bufferedBytes = this.socket.getBufferedAmount()
    if (backlog.bytes === 0 && backlog.bufferedBytes === 0) this.#catchUp()
  }

  /** Called about ten times a second for lagging and closing sockets. */
  check(nowMs: number): void {
    if (this.#state === 'closing') {
      if (this.#close !== undefined && nowMs >= this.#close.deadlineMs) this.socket.terminate()
      return
    }
    this.drained()
    const backlog = this.#backlog
    if (backlog === undefined) return
    const hasStalled = nowMs - backlog.progressAtMs >= STALL_MS_MAX
    if (hasStalled || nowMs - backlog.sinceMs >= LAG_MS_MAX) this.cut()
  }

  /** Ends a connection that does not keep up. */
  cut(): void {
    if (this.#state !== 'open') return
    this.#pump.countCut()
    this.#dropBacklog()
    this.session.end('slow_consumer')
  }

  /** The socket is gone, whoever closed it. */
  gone(): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    this.#state = 'closed'
    this.#dropBacklog()
    this.#pump.closing.delete(this)
    if (wasOpen) {
      this.#leaveSlices()
      this.session.closed()
    }
  }

  /**
   * A bare close on a peer that never reads would keep its memory; so drain first, or terminate.
   */
  #finishClosing(): void {
    if (this.#close === undefined || this.#state !== 'closing') return
    if (this.#backlog !== undefined) this.#writeBacklog(this.#backlog)
    if (this.#backlog?.bytes === 0) this.#dropBacklog()
    if (this.#backlog === undefined && this.socket.getBufferedAmount() === 0) {
      this.#pump.closing.delete(this)
      this.socket.close(this.#close.code, this.#close.reason)
    } else this.#pump.closing.add(this)
  }

  #writeBacklog(backlog: Backlog): void {
    while (backlog.head < backlog.frames.length && this.socket.getBufferedAmount() < LAG_BYTES) {
      const next = backlog.frames[backlog.head++]
      if (next === undefined) break
      this.socket.send(next.frame)
      backlog.bytes -= next.bytes
      this.#pump.releaseBacklog(next.bytes)
      backlog.progressAtMs = this.#pump.nowMs()
    }
    if (backlog.head < BACKLOG_COMPACT_COUNT) return
    backlog.frames.splice(0, backlog.head)
    backlog.head = 0
  }

  #noteProgress(backlog: Backlog): void {
    const bufferedBytes = this.socket.getBufferedAmount()
    if (bufferedBytes < backlog.bufferedBytes) backlog.progressAtMs = this.#pump.nowMs()
    backlog.bufferedBytes = bufferedBytes
  }

  #catchUp(): void {
    this.#dropBacklog()
    for (const { slice } of this.slices) slice.setCurrent(this)
    if (!this.#isAwaited) return
    this.#isAwaited = false
    this.#pump.guarded(this, () => this.session.writable?.())
  }

  #dropBacklog(): void {
    if (this.#backlog === undefined) return
    this.#pump.releaseBacklog(this.#backlog.bytes)
    this.#pump.lagging.delete(this)
    this.#backlog = undefined
  }

  #leaveSlices(): void {
    for (const { group, slice } of this.slices) {
      slice.remove(this)
      if (slice.size === 0) group.forget(slice)
    }
    this.slices.length = 0
  }
}

/** Written frames are let go in batches, so that a long backlog is not shifted frame by frame. */
const BACKLOG_COMPACT_COUNT = 256

export function byteLength(frame: Frame): number {
  return typeof frame === 'string' ? Buffer.byteLength(frame) : frame.byteLength
}
