/**
 * One open document on one connection: what a client says of it, answered. Contract WireSocket 6.
 * Nobody looks into an update here.
 */
import { isEmptyUpdate } from '@lockgate/protocol/yjs/messages'
import type { DocumentMessage } from '@lockgate/protocol/yjs/messages'
import type { AwarenessEntry, DocumentSeat } from '../../core/documents/documents.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { DocumentFrames } from './document-frames.ts'
import type { EditingHost } from './editing.ts'
import type { Editor } from './editor.ts'
import type { Refused } from './wire-refusals.ts'
import { QUERY_MS_MIN, SPENT_CHARACTERS } from './yjs-deps.ts'

export interface EditedStart {
  readonly name: string
  readonly editor: Editor
  readonly seat: DocumentSeat
  readonly frames: DocumentFrames
  /** The document cannot go on for this client: something it sent may not be applied. */
  readonly failed: (refused: Refused) => void
}

/** Of one update: the client counts them. */
const APPLIED = 1
const REFUSED = 0

export class EditedDocument {
  readonly #start: EditedStart
  readonly #host: EditingHost
  /** To a vector: one at a time, for each may be as large as the document. */
  #answer: Promise<unknown> | undefined
  /** The last one that came meanwhile: its answer is one to those before it, too. */
  #nextVector: Uint8Array | undefined
  /** Monotonic: when the client was told last who is here because it asked. */
  #queriedAtMs = Number.NEGATIVE_INFINITY
  #isLeft = false

  constructor(start: EditedStart, host: EditingHost) {
    this.#start = start
    this.#host = host
  }

  get editor(): Editor {
    return this.#start.editor
  }

  /** As it is now: the scopes of a key may have changed. */
  get mayRead(): boolean {
    return this.editor.identity.mayRead(this.#start.name)
  }

  /** Asks for what the client has, and tells who is here: after what it has asked itself. */
  greet(): void {
    const { seat, frames } = this.#start
    const asked = Promise.all([seat.stateVector(), this.#answer])
    this.#later(asked, ([stateVector]) => {
      this.#host.send(frames.step1(stateVector))
      const present = seat.awareness()
      if (present.length > 0) this.#host.send(frames.awareness(present))
    })
  }

  receive(message: DocumentMessage): void {
    switch (message.kind) {
      case 'step1':
        this.#host.spend(1)
        return this.#asked(message.stateVector)
      case 'step2':
      case 'update':
        return this.#update(message.kind, message.update)
      case 'awareness':
        this.#host.spend(costOf(message.items))
        return this.#start.seat.announce(message.items)
      case 'query_awareness':
        return this.#query()
      default:
        message satisfies never
    }
  }

  /** What it announced is gone for all. Idempotent. */
  leave(): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#start.seat.leave()
  }

  #asked(stateVector: Uint8Array): void {
    const own = stateVector.slice()
    if (this.#answer === undefined) this.#answerTo(own)
    else this.#nextVector = own
  }

  /** Asked again at once, it has been told: changes come by themselves. */
  #query(): void {
    const { seat, frames } = this.#start
    this.#host.spend(1)
    const nowMs = this.#host.deps.clock.monotonicMs()
    if (nowMs - this.#queriedAtMs < QUERY_MS_MIN) return
    this.#queriedAtMs = nowMs
    this.#host.send(frames.awareness(seat.awareness()))
  }

  /** Answered also where there is nothing: the client counts as synced after it. */
  #answerTo(stateVector: Uint8Array): void {
    const { seat, frames } = this.#start
    const answer = seat.missing(stateVector)
    this.#answer = answer
    this.#later(answer, (missing) => {
      this.#answer = undefined
      if (!missing.ok) return this.#start.failed(missing)
      this.#host.send(frames.step2(missing.value))
      const next = this.#nextVector
      this.#nextVector = undefined
      if (next !== undefined) this.#answerTo(next)
    })
  }

  #update(kind: 'step2' | 'update', update: Uint8Array): void {
    const { name, editor, seat } = this.#start
    // The answer of one who has nothing to tell: no operation, and no news.
    if (kind === 'step2' && isEmptyUpdate(update)) return this.#status(APPLIED)
    if (!editor.identity.mayWrite(name)) return this.#status(REFUSED)
    const limited = editor.limits.update(name, update)
    if (limited !== undefined) {
      this.#status(REFUSED)
      return this.#host.refuse({ refusal: limited.refusal, limited })
    }
    this.#host.submitted(update.length)
    const settle = () => this.#host.settled(update.length)
    // A view would keep all that was read with it until others had their turn.
    this.#host.later(seat.submit(update.slice()).finally(settle), (outcome) => {
      if (this.#isOver) return
      this.#status(outcome.ok ? APPLIED : REFUSED)
      if (!outcome.ok) this.#refused(outcome.refusal)
    })
  }

  #refused(refusal: RefusalCode): void {
    // Read-only since it was opened: the client is told, and goes on reading.
    if (refusal !== 'operation_denied') this.#start.failed({ refusal })
  }

  #status(status: typeof APPLIED | typeof REFUSED): void {
    const frame = this.#start.frames.syncStatus?.(status)
    if (frame !== undefined) this.#host.send(frame)
  }

  get #isOver(): boolean {
    return this.#isLeft || this.#host.isOver
  }

  #later<T>(outcome: Promise<T>, goOn: (value: T) => void): void {
    this.#host.later(outcome, (value) => {
      if (!this.#isOver) goOn(value)
    })
  }
}

function costOf(entries: readonly AwarenessEntry[]): number {
  const characterCount = entries.reduce((sum, { state = '' }) => sum + state.length, 0)
  return 1 + Math.floor(characterCount / SPENT_CHARACTERS)
}
