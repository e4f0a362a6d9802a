/**
 * A connection of Hocuspocus: several documents on one socket, each with a token of its own, and
 * each refused and closed alone. Contract WireSocket 7.
 */
import {
  type AddressedBody,
  decodeHocuspocus,
  type HocuspocusFrame,
  PING_FRAME,
  PONG_FRAME,
} from '@lockgate/protocol/yjs/hocuspocus'
import type { RefusalCode } from '../../core/refusals.ts'
import type { EditedDocument } from './edited-document.ts'
import type { Editing, EditingHost } from './editing.ts'
import type { Editor } from './editor.ts'
import { isPast } from './plain-editing.ts'
import { openPooled } from './pooled-entrance.ts'
import { PooledDocument } from './pooled-document.ts'
import { WaitingFrames } from './waiting-frames.ts'
import { type Refused, yjsFarewell } from './wire-refusals.ts'
import { AUTH_MS_MAX, POOLED_COUNT_MAX, REFUSED_COUNT_MAX, TOKEN_COUNT_MAX } from './yjs-deps.ts'

type Addressed = Extract<HocuspocusFrame, { readonly kind: 'addressed' }>

export class PooledEditing implements Editing {
  readonly #host: EditingHost
  readonly #room = new WaitingFrames()
  readonly #documents = new Map<string, PooledDocument>()
  /** By the token they came with; at most as many as there are documents. */
  readonly #editors = new Map<string, Editor>()
  /** Since when no document is open or on the way, monotonic, and why. */
  #idleSinceMs: number
  #lastRefused: Refused | undefined
  #refusedCount = 0
  /** In this second. */
  #tokenCount = 0

  constructor(host: EditingHost) {
    this.#host = host
    this.#idleSinceMs = host.deps.clock.monotonicMs()
  }

  receive(frame: Uint8Array): void {
    const decoded = decodeHocuspocus(frame)
    if (!decoded.ok) return this.#host.finish(decoded)
    const message = decoded.value
    if (message.kind === 'ping') return this.#host.send(PONG_FRAME)
    if (message.kind !== 'addressed') return
    const document = this.#find(message)
    if (document !== undefined) this.#take(document, message.body, frame)
  }

  tick(nowMs: number): void {
    this.#tokenCount = 0
    for (const document of this.#documents.values()) {
      if (document.state === 'waiting' && nowMs >= document.dueAtMs) this.#missing(document)
      else if (document.edited?.mayRead === false) {
        this.refuse(document, { refusal: 'operation_denied' })
      }
    }
    for (const editor of [...this.#editors.values()]) {
      if (isPast(editor, this.#host)) editor.end('token_expired')
    }
    if (this.#hasDocuments()) this.#idleSinceMs = nowMs
    else if (nowMs - this.#idleSinceMs >= AUTH_MS_MAX) {
      this.#host.refuse(this.#lastRefused ?? { refusal: 'credential_missing' })
    }
  }

  editorEnded(editor: Editor, refusal: RefusalCode): void {
    for (const [token, each] of this.#editors) {
      if (each === editor) this.#editors.delete(token)
    }
    // The last one takes the socket with it: its client connects anew, with a new token.
    if (this.#editors.size === 0) {
      this.#disconnect(editor)
      return this.#host.finish({ refusal })
    }
    for (const document of this.#documents.values()) {
      if (document.editor === editor) this.refuse(document, { refusal })
    }
    this.#disconnect(editor)
  }

  /** Of a document, so that every version of the client takes it; with none, a ping. */
  signOfLife(): Uint8Array {
    for (const document of this.#documents.values()) {
      if (document.state === 'open') return document.frames.awareness([])
    }
    return PING_FRAME
  }

  leave(): void {
    for (const document of this.#documents.values()) this.#forget(document)
    for (const editor of this.#editors.values()) this.#disconnect(editor)
    this.#editors.clear()
  }

  /** Refuses or closes one document, and tells it in the frame its state has for that. */
  refuse(document: PooledDocument, refused: Refused): void {
    if (document.state === 'closed') return
    this.#lastRefused = refused
    this.#host.deps.tally.refused(refused.refusal)
    const { reason } = yjsFarewell(refused, 'wiresocket', document.name)
    const { frames, state } = document
    this.#host.send(state === 'open' ? frames.close(reason) : frames.denied(reason))
    document.close(this.#room)
    if (++this.#refusedCount >= REFUSED_COUNT_MAX) this.#host.refuse(refused)
  }

  /** @returns who came with this token before. */
  editorOf(token: string): Editor | undefined {
    return this.#editors.get(token)
  }

  entered(token: string, editor: Editor): void {
    this.#editors.set(token, editor)
  }

  get hasEditors(): boolean {
    return this.#editors.size > 0
  }

  /** The document is there: it is told so, then all that waited is looked at. */
  opened(document: PooledDocument, edited: EditedDocument): void {
    const { editor, name, frames } = document
    const mayWrite = editor?.identity.mayWrite(name) === true
    this.#host.send(frames.authenticated(mayWrite ? 'read-write' : 'readonly'))
    document.opened(edited)
    for (const body of document.takeWaiting(this.#room)) {
      if (document.state !== 'open' || this.#host.isOver) return
      this.#edit(document, edited, body)
    }
    edited.greet()
  }

  #find(message: Addressed): PooledDocument | undefined {
    const known = this.#documents.get(message.address)
    if (known !== undefined) return known
    if (message.body.kind === 'close') return undefined
    if (this.#documents.size >= POOLED_COUNT_MAX) {
      this.#host.finish({ refusal: 'overloaded' })
      return undefined
    }
    const { encoders, clock } = this.#host.deps
    const dueAtMs = clock.monotonicMs() + AUTH_MS_MAX
    const of = { frames: encoders.take(message.address), dueAtMs }
    const document = new PooledDocument(message, of)
    this.#documents.set(message.address, document)
    return document
  }

  #take(document: PooledDocument, body: AddressedBody, frame: Uint8Array): void {
    if (body.kind === 'close') return this.#forget(document)
    if (body.kind === 'token') return this.#authenticate(document, body.token)
    const { edited } = document
    if (edited !== undefined) return this.#edit(document, edited, body)
    // A closed one is told nothing more: what its client still has is sent again when it opens.
    if (document.state === 'closed') return
    if (!document.keep(frame, this.#room)) this.#host.finish({ refusal: 'overloaded' })
  }

  /** Shown again where it is open or on its way, a token changes nothing until it connects anew. */
  #authenticate(document: PooledDocument, token: string): void {
    this.#host.spend(1)
    if (++this.#tokenCount > TOKEN_COUNT_MAX) return this.#host.finish({ refusal: 'overloaded' })
    if (document.state === 'open') {
      const mayWrite = document.editor?.identity.mayWrite(document.name) === true
      const scope = mayWrite ? 'read-write' : 'readonly'
      return this.#host.send(document.frames.authenticated(scope))
    }
    if (document.state === 'opening') return
    document.state = 'opening'
    openPooled({ document, token }, this, this.#host)
  }

  #edit(document: PooledDocument, edited: EditedDocument, body: AddressedBody): void {
    switch (body.kind) {
      case 'step1':
      case 'step2':
      case 'update':
      case 'awareness':
      case 'query_awareness':
        return edited.receive(body)
      case 'sync_reply':
        if (body.message.kind !== 'step1') edited.receive(body.message)
        return
      case 'close':
        return this.#forget(document)
      // There is nobody on this side who could answer one, and others do not hear it.
      case 'stateless':
      case 'token':
      case 'unknown':
        return
      default:
        body satisfies never
    }
  }

  #missing(document: PooledDocument): void {
    const { deps, facts } = this.#host
    this.refuse(document, { refusal: deps.door.missing(facts.source) })
  }

  #forget(document: PooledDocument): void {
    document.close(this.#room)
    if (!this.#documents.delete(document.address)) return
    this.#host.deps.encoders.release(document.address)
  }

  #disconnect(editor: Editor): void {
    this.#host.deps.hub.disconnect(editor.space, editor)
  }

  #hasDocuments(): boolean {
    for (const { state } of this.#documents.values()) if (state !== 'closed') return true
    return false
  }
}
