/**
 * What one socket is to be written at the end of a turn: a chain of references to shared frames.
 * Sockets that were sent the same frames in the same order end at the same batch, so that those
 * frames are put together once for all of them. Bounded by the outboxes that hold on to it.
 */

/** Frames of at least this are written as they are: copying them costs more than a write saves. */
export const LARGE_FRAME_BYTES = 16 * 1024
/** The most that is put together for one write. */
export const JOINED_BYTES_MAX = 64 * 1024

export class Batch {
  /** All frames up to this one. */
  readonly bytes: number
  /** Outboxes whose last frame is this one. */
  userCount = 0
  readonly #previous: Batch | undefined
  readonly #frame: Uint8Array | undefined
  #follower: Batch | undefined
  #pieces: readonly Uint8Array[] | undefined

  private constructor(previous: Batch | undefined, frame: Uint8Array | undefined) {
    this.#previous = previous
    this.#frame = frame
    this.bytes = previous === undefined ? 0 : previous.bytes + (frame?.byteLength ?? 0)
  }

  /** The beginning of a turn: no frame yet. */
  static empty(): Batch {
    return new Batch(undefined, undefined)
  }

  /** @returns this and then `frame`; the same one for everybody who appends the same object. */
  append(frame: Uint8Array): Batch {
    const follower = this.#follower
    if (follower !== undefined && follower.#frame === frame) return follower
    const next = new Batch(this, frame)
    this.#follower = next
    return next
  }

  /** @returns the frames in order. */
  frames(): Uint8Array[] {
    const frames = this.#frame === undefined ? [] : [this.#frame]
    let batch = this.#previous
    while (batch !== undefined) {
      if (batch.#frame !== undefined) frames.push(batch.#frame)
      batch = batch.#previous
    }
    return frames.reverse()
  }

  /** @returns the same bytes in as few pieces as are worth putting together; made once. */
  pieces(): readonly Uint8Array[] {
    this.#pieces ??= joinSmall(this.frames())
    return this.#pieces
  }
}

/** Puts neighbours together that are small. @returns in order; large frames are not copied. */
export function joinSmall(frames: readonly Uint8Array[]): readonly Uint8Array[] {
  if (frames.length <= 1) return frames
  const pieces: Uint8Array[] = []
  let run: Uint8Array[] = []
  let runBytes = 0
  const endRun = () => {
    const [only] = run
    if (only !== undefined) pieces.push(run.length === 1 ? only : Buffer.concat(run, runBytes))
    run = []
    runBytes = 0
  }
  for (const frame of frames) {
    const isLarge = frame.byteLength >= LARGE_FRAME_BYTES
    if (isLarge || runBytes + frame.byteLength > JOINED_BYTES_MAX) endRun()
    if (isLarge) pieces.push(frame)
    else {
      run.push(frame)
      runBytes += frame.byteLength
    }
  }
  endRun()
  return pieces
}
