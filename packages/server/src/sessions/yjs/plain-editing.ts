/**
 * A connection of y-websocket: one document, named in the URL, and a token that came with it.
 * Contract WireSocket 5 and 6.
 */
import { decodeFrame, SIGN_OF_LIFE } from '@lockgate/protocol/yjs/frames'
import type { DocumentAnswer, DocumentSeat } from '../../core/documents/documents.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import { PLAIN_FRAMES } from './document-frames.ts'
import { EditedDocument } from './edited-document.ts'
import type { Editing, EditingHost, ShownToken } from './editing.ts'
import type { Editor } from './editor.ts'
import { WaitingFrames } from './waiting-frames.ts'

export class PlainEditing implements Editing {
  readonly #host: EditingHost
  readonly #room = new WaitingFrames()
  /** Until the document is open. */
  #waiting: Uint8Array[] = []
  #editor: Editor | undefined
  #document: EditedDocument | undefined

  constructor(host: EditingHost) {
    this.#host = host
  }

  /** Lets the editor in and opens its document, or ends the connection. */
  begin(): void {
    const { facts, deps } = this.#host
    const { shown, documentName } = facts
    if (shown === undefined) {
      return this.#host.refuse({ refusal: deps.door.missing(facts.source) })
    }
    if (documentName === undefined) return this.#host.refuse({ refusal: 'document_name_invalid' })
    this.#open(shown, documentName)
  }

  receive(frame: Uint8Array): void {
    if (this.#document !== undefined) return this.#take(this.#document, frame)
    const kept = this.#room.keep(frame)
    if (kept.ok) this.#waiting.push(kept.value)
    else this.#host.finish(kept)
  }

  tick(): void {
    const editor = this.#editor
    if (editor === undefined) return
    if (isPast(editor, this.#host)) return this.#host.finish({ refusal: 'token_expired' })
    if (this.#document?.mayRead === false) this.#host.finish({ refusal: 'operation_denied' })
  }

  editorEnded(_editor: Editor, refusal: RefusalCode): void {
    this.#host.finish({ refusal })
  }

  signOfLife(): Uint8Array {
    return SIGN_OF_LIFE
  }

  leave(): void {
    this.#waiting = []
    this.#document?.leave()
    const editor = this.#editor
    this.#editor = undefined
    if (editor !== undefined) this.#host.deps.hub.disconnect(editor.space, editor)
  }

  #open(shown: ShownToken, name: string): void {
    const entrance = this.#host.enter(shown)
    if (!entrance.ok) return this.#host.refuse(entrance)
    this.#host.forgetToken()
    const { editor } = entrance
    this.#editor = editor
    const { identity, space } = editor
    const request = {
      name,
      host: this.#host.facts.host,
      encoder: PLAIN_FRAMES,
      isReadOnly: !identity.mayWrite(name),
      limits: identity.documentLimits,
      ended: (refusal: RefusalCode) => this.#host.finish({ refusal }),
    }
    this.#host.hold()
    this.#host.later(this.#host.deps.documents.open(space, editor, request), (answer) => {
      this.#opened(answer, name, editor)
    })
  }

  #opened(answer: DocumentAnswer<DocumentSeat>, name: string, editor: Editor): void {
    if (!answer.ok) return this.#host.refuse({ refusal: answer.refusal, about: answer.about })
    // It went away meanwhile.
    if (this.#host.isOver) return answer.value.leave()
    const failed = this.#host.finish.bind(this.#host)
    const start = { name, editor, seat: answer.value, frames: PLAIN_FRAMES, failed }
    const document = new EditedDocument(start, this.#host)
    this.#document = document
    document.greet()
    const waiting = this.#waiting
    this.#waiting = []
    this.#room.release(waiting)
    for (const frame of waiting) this.#take(document, frame)
    this.#host.goOn()
  }

  #take(document: EditedDocument, frame: Uint8Array): void {
    const decoded = decodeFrame(frame)
    if (!decoded.ok) return this.#host.finish(decoded)
    for (const message of decoded.value) {
      if (this.#host.isOver) return
      document.receive(message)
    }
  }
}

/** Whether what an editor came by has ended it. */
export function isPast(editor: Editor, { deps }: EditingHost): boolean {
  const endsAtMs = editor.endsAtMs()
  return endsAtMs !== undefined && deps.clock.nowMs() >= endsAtMs
}
