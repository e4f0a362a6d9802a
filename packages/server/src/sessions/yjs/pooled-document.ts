/**
 * One document of a Hocuspocus socket, from the first frame that names it to its last: waiting for
 * a token, being opened, open, or closed. Contract WireSocket 7.
 */
import { decodeHocuspocus, type HocuspocusFrames } from '@lockgate/protocol/yjs/hocuspocus'
import type { AddressedBody } from '@lockgate/protocol/yjs/hocuspocus'
import type { EditedDocument } from './edited-document.ts'
import type { Editor } from './editor.ts'
import type { WaitingFrames } from './waiting-frames.ts'

export class PooledDocument {
  readonly address: string
  readonly name: string
  readonly frames: HocuspocusFrames
  state: 'waiting' | 'opening' | 'open' | 'closed' = 'waiting'
  /** Monotonic: when a token has to be there. */
  readonly dueAtMs: number
  /** Who opens it, from then on. */
  editor: Editor | undefined
  edited: EditedDocument | undefined
  #waiting: Uint8Array[] = []

  constructor(
    named: { readonly address: string; readonly documentName: string },
    of: { readonly frames: HocuspocusFrames; readonly dueAtMs: number },
  ) {
    this.address = named.address
    this.name = named.documentName
    this.frames = of.frames
    this.dueAtMs = of.dueAtMs
  }

  /** Keeps a frame until the document is open. @returns false where there is no room. */
  keep(frame: Uint8Array, room: WaitingFrames): boolean {
    const kept = room.keep(frame)
    if (kept.ok) this.#waiting.push(kept.value)
    return kept.ok
  }

  opened(edited: EditedDocument): void {
    this.state = 'open'
    this.edited = edited
  }

  /** From here on nothing is sent and nothing taken but a new token. */
  close(room: WaitingFrames): void {
    this.state = 'closed'
    this.edited?.leave()
    this.edited = undefined
    this.editor = undefined
    this.takeWaiting(room)
  }

  /** @returns what was kept, in order. */
  takeWaiting(room: WaitingFrames): readonly AddressedBody[] {
    const waiting = this.#waiting
    this.#waiting = []
    room.release(waiting)
    return waiting.flatMap((frame) => {
      const decoded = decodeHocuspocus(frame)
      return decoded.ok && decoded.value.kind === 'addressed' ? [decoded.value.body] : []
    })
  }
}
