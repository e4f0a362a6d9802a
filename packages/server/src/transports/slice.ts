/**
 * A slice: at most SLICE_SOCKET_COUNT_MAX sockets of one listener that share one Bun topic, and the
 * position in their group's queue up to which they have been written to. `publish` copies a frame
 * once for all of them, and Bun writes once per socket and turn.
 */
import type { Frame } from '../ports/fanout.ts'
import type { SocketOutbox } from './outbox.ts'
import type { Listener } from './socket.ts'

/** About five milliseconds of writing on one core; the loop is never held longer by one slice. */
export const SLICE_SOCKET_COUNT_MAX = 1_000

export class Slice {
  readonly listener: Listener
  readonly topic: string
  /** Index into the group's queue of the next frame these sockets get. */
  cursor: number
  /** The last turn in which this slice was written to. */
  turn = -1
  size = 0
  /** Members that read too slowly to stay on the topic. */
  readonly #lagging = new Set<SocketOutbox>()

  constructor(start: { listener: Listener; topic: string; cursor: number }) {
    this.listener = start.listener
    this.topic = start.topic
    this.cursor = start.cursor
  }

  add(outbox: SocketOutbox): void {
    this.size++
    if (outbox.isLagging) this.#lagging.add(outbox)
    else outbox.socket.subscribe(this.topic)
  }

  remove(outbox: SocketOutbox): void {
    this.size--
    const wasLagging = this.#lagging.size > 0 && this.#lagging.delete(outbox)
    if (!wasLagging && !outbox.isGone) outbox.socket.unsubscribe(this.topic)
  }

  /** Takes a member off the topic; it gets its frames through its own backlog from now on. */
  setLagging(outbox: SocketOutbox): void {
    this.#lagging.add(outbox)
    outbox.socket.unsubscribe(this.topic)
  }

  /** Puts a member that has caught up back on the topic. */
  setCurrent(outbox: SocketOutbox): void {
    if (this.#lagging.delete(outbox)) outbox.socket.subscribe(this.topic)
  }

  /** Whether a lagging member is catching up, so that the rest of a burst waits. */
  isHeld(nowMs: number): boolean {
    for (const outbox of this.#lagging) if (outbox.isHolding(nowMs)) return true
    return false
  }

  write(frame: Frame, frameBytes: number, except: SocketOutbox | undefined): void {
    if (this.size > this.#lagging.size) {
      // A socket's own `publish` reaches everyone on the topic but itself.
      if (except !== undefined && except.listener === this.listener) {
        except.socket.publish(this.topic, frame)
      } else this.listener.publish(this.topic, frame)
    }
    for (const outbox of this.#lagging) {
      if (outbox !== except) outbox.enqueue(frame, frameBytes)
    }
  }
}
