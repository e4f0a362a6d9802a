/**
 * The sockets of one channel and protocol, in slices, with the frames that not every slice has been
 * written yet. A frame is held once, however many slices wait for it.
 */
import type { Frame, FanoutGroup, Outbox } from '../ports/fanout.ts'
import { byteLength, SocketOutbox } from './outbox.ts'
import type { Pump } from './pump.ts'
import { Slice, SLICE_SOCKET_COUNT_MAX } from './slice.ts'

interface Queued {
  readonly frame: Frame
  readonly bytes: number
  readonly except: SocketOutbox | undefined
}

export class Group implements FanoutGroup {
  readonly #pump: Pump
  readonly #slices: Slice[] = []
  readonly #queue: Queued[] = []
  /** Index of the first queued frame, counted from the first ever. */
  #start = 0

  constructor(pump: Pump) {
    this.#pump = pump
  }

  get size(): number {
    let size = 0
    for (const slice of this.#slices) size += slice.size
    return size
  }

  join(outbox: Outbox): void {
    const member = socketOutbox(outbox)
    if (member.slices.some((entry) => entry.group === this)) return
    const end = this.#start + this.#queue.length
    // Only a slice that is up to date takes a member: frames published earlier are not for it.
    let slice = this.#slices.find(
      (candidate) =>
        candidate.listener === member.listener &&
        candidate.size < SLICE_SOCKET_COUNT_MAX &&
        candidate.cursor === end,
    )
    if (slice === undefined) {
      slice = new Slice({ listener: member.listener, topic: this.#pump.nextTopic(), cursor: end })
      this.#slices.push(slice)
    }
    slice.add(member)
    member.slices.push({ group: this, slice })
  }

  leave(outbox: Outbox): void {
    const member = socketOutbox(outbox)
    const index = member.slices.findIndex((entry) => entry.group === this)
    const entry = member.slices[index]
    if (entry === undefined) return
    member.slices.splice(index, 1)
    entry.slice.remove(member)
    if (entry.slice.size === 0) this.forget(entry.slice)
  }

  /** Lets go of an empty slice. */
  forget(slice: Slice): void {
    const index = this.#slices.indexOf(slice)
    if (index < 0) return
    this.#slices.splice(index, 1)
    this.#trim()
  }

  publish(frame: Frame, except?: Outbox): void {
    const bytes = byteLength(frame)
    this.#queue.push({ frame, bytes, except: except === undefined ? except : socketOutbox(except) })
    this.#pump.holdPending(bytes)
    this.advance()
  }

  /** Writes as much as this turn admits and asks to be called again for the rest. */
  advance(): void {
    const end = this.#start + this.#queue.length
    let isBehind = false
    for (const slice of this.#slices) {
      while (slice.cursor < end) {
        const next = this.#queue[slice.cursor - this.#start]
        if (next === undefined || !this.#pump.admit(slice, next.bytes)) break
        slice.cursor++
        slice.write(next.frame, next.bytes, next.except)
      }
      if (slice.cursor < end) isBehind = true
    }
    this.#trim()
    if (isBehind) this.#pump.continueLater(this)
  }

  /** Drops the frames that every slice has been written. */
  #trim(): void {
    let done = this.#start + this.#queue.length
    for (const slice of this.#slices) done = Math.min(done, slice.cursor)
    const count = done - this.#start
    if (count === 0) return
    const isAll = count === this.#queue.length
    // A long queue is cut in batches: cutting frame by frame would copy the rest each time.
    if (!isAll && count < TRIM_COUNT_MIN) return
    for (const { bytes } of this.#queue.splice(0, count)) this.#pump.holdPending(-bytes)
    this.#start = done
  }
}

const TRIM_COUNT_MIN = 32

function socketOutbox(outbox: Outbox): SocketOutbox {
  if (outbox instanceof SocketOutbox) return outbox
  throw new TypeError('A WebSocket group takes outboxes of its own transport only.')
}
