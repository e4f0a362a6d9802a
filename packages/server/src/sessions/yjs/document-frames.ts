/**
 * How a document is written on either wire. Whoever shares an encoder shares frames: all of
 * y-websocket, and on Hocuspocus all that address a document by the same text.
 */
import { awarenessFrame, step1Frame, step2Frame, updateFrame } from '@lockgate/protocol/yjs/frames'
import { HocuspocusFrames } from '@lockgate/protocol/yjs/hocuspocus'
import type { AwarenessEntry, DocumentEncoder } from '../../core/documents/documents.ts'

export interface DocumentFrames extends DocumentEncoder {
  step1(stateVector: Uint8Array): Uint8Array
  step2(update: Uint8Array): Uint8Array
  awareness(entries: readonly AwarenessEntry[]): Uint8Array
  /** Of one update that came; where the wire has no such answer, it is left out. */
  syncStatus?(status: 0 | 1): Uint8Array
}

export const PLAIN_FRAMES: DocumentFrames = {
  step1: step1Frame,
  step2: step2Frame,
  update: updateFrame,
  awareness: awarenessFrame,
}

/** Encoders in use by address, so as many as documents are open at most. */
export class HocuspocusEncoders {
  readonly #used = new Map<string, { readonly frames: HocuspocusFrames; count: number }>()

  get size(): number {
    return this.#used.size
  }

  take(address: string): HocuspocusFrames {
    const known = this.#used.get(address)
    if (known !== undefined) {
      known.count++
      return known.frames
    }
    const frames = new HocuspocusFrames(address)
    this.#used.set(address, { frames, count: 1 })
    return frames
  }

  release(address: string): void {
    const known = this.#used.get(address)
    if (known === undefined) return
    known.count--
    if (known.count === 0) this.#used.delete(address)
  }
}
