/**
 * Bytes of a stream that the system did not take yet, as references to the frames they are part of.
 * Pure; bounded by the outbox it belongs to.
 */
import { JOINED_BYTES_MAX, LARGE_FRAME_BYTES } from './batch.ts'

/** Written frames are let go in batches, so that a long backlog is not shifted frame by frame. */
const COMPACT_COUNT = 256

export class StreamBacklog {
  #frames: Uint8Array[] = []
  /** Frames before this index are written, and so many bytes of the one there. */
  #head = 0
  #offset = 0
  #bytes = 0

  /** Bytes that are not written. */
  get bytes(): number {
    return this.#bytes
  }

  /** @param written bytes at the beginning of `frames` that are written already. */
  add(frames: readonly Uint8Array[], written: number): void {
    let skipped = written
    for (const frame of frames) {
      if (skipped >= frame.byteLength) skipped -= frame.byteLength
      else {
        if (skipped > 0) this.#offset = skipped
        this.#frames.push(frame)
        this.#bytes += frame.byteLength - skipped
        skipped = 0
      }
    }
  }

  /** @returns what to write next: small frames together, large ones as they are. */
  piece(): Uint8Array {
    const first = this.#frames[this.#head]?.subarray(this.#offset) ?? EMPTY
    const parts = [first]
    let bytes = first.byteLength
    for (let index = this.#head + 1; bytes < LARGE_FRAME_BYTES; index++) {
      const frame = this.#frames[index]
      if (frame === undefined || bytes + frame.byteLength > JOINED_BYTES_MAX) break
      parts.push(frame)
      bytes += frame.byteLength
    }
    return parts.length === 1 ? first : Buffer.concat(parts, bytes)
  }

  /** So many bytes of the last piece were written. */
  advance(written: number): void {
    this.#bytes -= written
    this.#offset += written
    for (;;) {
      const frame = this.#frames[this.#head]
      if (frame === undefined || this.#offset < frame.byteLength) break
      this.#offset -= frame.byteLength
      this.#head++
    }
    if (this.#head < COMPACT_COUNT && this.#bytes > 0) return
    this.#frames.splice(0, this.#head)
    this.#head = 0
  }

  /** Drops all but the rest of a frame that was begun: the peer could read nothing after a gap. */
  keepBegunFrame(): void {
    const begun = this.#offset > 0 ? this.#frames[this.#head] : undefined
    this.#frames = begun === undefined ? [] : [begun]
    this.#head = 0
    this.#bytes = begun === undefined ? 0 : begun.byteLength - this.#offset
  }
}

const EMPTY = new Uint8Array(0)
