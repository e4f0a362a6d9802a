/** What one connection keeps that came before its documents were open: bounded for all together. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import { WAITING_BYTES_MAX, WAITING_COUNT_MAX } from './yjs-deps.ts'

export class WaitingFrames {
  #count = 0
  #bytes = 0

  /** @returns a copy to keep: a view would keep all that was read with it. */
  keep(frame: Uint8Array): Result<Uint8Array, 'overloaded'> {
    const isFull =
      this.#count >= WAITING_COUNT_MAX || this.#bytes + frame.length > WAITING_BYTES_MAX
    if (isFull) return refuse('overloaded')
    this.#count++
    this.#bytes += frame.length
    return ok(frame.slice())
  }

  /** They were taken up, or are of no use any more. */
  release(frames: readonly Uint8Array[]): void {
    this.#count -= frames.length
    for (const { length } of frames) this.#bytes -= length
  }
}
