/**
 * One connection of an editor, of whichever framing, which its first frame tells: a machine without
 * I/O. Contract WireSocket 5 to 7. Who is refused with a code that makes clients come back at once
 * is held for a second or two before the close.
 */
import { isPlainFrame } from '@lockgate/protocol/yjs/frames'
import { SUBMIT_BYTES_MAX, SUBMIT_COUNT_MAX } from '../../core/documents/documents.ts'
import { REFUSALS, type RefusalCode } from '../../core/refusals.ts'
import type { Frame, PacedOutbox } from '../../ports/fanout.ts'
import { Outage } from '../../ports/outage.ts'
import type { Inflow, Session } from '../session.ts'
import type { Editing, EditingHost, Entrance, ShownToken, UpgradeFacts } from './editing.ts'
import type { Editor } from './editor.ts'
import { enter } from './entrance.ts'
import { PlainEditing } from './plain-editing.ts'
import { PooledEditing } from './pooled-editing.ts'
import {
  type CloseStyle,
  type Farewell,
  holdMsOf,
  isHeldBack,
  type Refused,
  yjsFarewell,
} from './wire-refusals.ts'
import {
  AUTH_MS_MAX,
  FRAMING_MS_MAX,
  SILENCE_MS_MAX,
  SPENT_COUNT_END,
  SPENT_COUNT_MAX,
  type YjsDeps,
} from './yjs-deps.ts'

/** A connection may be refused at any time, and is then closed within two seconds. */
const TICK_MS = 1_000

export class YjsSession implements Session, EditingHost {
  readonly outbox: PacedOutbox
  facts: UpgradeFacts
  readonly deps: YjsDeps
  readonly #inflow: Inflow
  readonly #openedAtMs: number
  #state: 'open' | 'held' | 'over' | 'gone' = 'open'
  #editing: Editing | undefined
  #sentAtMs: number
  #farewell: Farewell | undefined
  #closeAtMs = Number.POSITIVE_INFINITY
  #style: CloseStyle = 'wiresocket'
  #holdCount = 0
  #submitCount = 0
  #submitBytes = 0
  /** In this second. */
  #spentCount = 0
  #isPaused = false

  constructor(
    connection: {
      readonly outbox: PacedOutbox
      readonly inflow: Inflow
      readonly facts: UpgradeFacts
    },
    deps: YjsDeps,
  ) {
    this.outbox = connection.outbox
    this.#inflow = connection.inflow
    this.facts = connection.facts
    this.deps = deps
    this.#openedAtMs = deps.clock.monotonicMs()
    this.#sentAtMs = this.#openedAtMs
    this.#speakFor(connection.facts.shown)
  }

  /** The client speaks first, and its first frame says how. */
  open(): void {}

  receive(frame: Frame): void {
    if (this.isOver) return
    if (typeof frame === 'string') return this.finish({ refusal: 'protocol_violated' })
    const editing = this.#editing ?? this.#begin(isPlainFrame(frame) ? 'plain' : 'pooled')
    if (!this.isOver) editing.receive(frame)
  }

  /** Control frames are no messages to the clients, and so none here. */
  heard(): void {}

  tick(nowMs: number): number {
    this.#spentCount = 0
    this.#pace()
    if (this.#state === 'held' && nowMs >= this.#closeAtMs) this.#close()
    if (this.isOver) return Math.max(nowMs, Math.min(this.#closeAtMs, nowMs + TICK_MS))
    if (this.#editing === undefined) this.#waitForFirst(nowMs)
    else this.#editing.tick(nowMs)
    if (!this.isOver && nowMs - this.#sentAtMs >= SILENCE_MS_MAX && this.#editing !== undefined) {
      this.send(this.#editing.signOfLife())
    }
    return nowMs + TICK_MS
  }

  end(refusal: RefusalCode): void {
    this.finish({ refusal })
  }

  closed(): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#editing?.leave()
  }

  get isOver(): boolean {
    return this.#state !== 'open'
  }

  send(frame: Uint8Array): void {
    if (this.isOver) return
    this.#sentAtMs = this.deps.clock.monotonicMs()
    this.outbox.send(frame)
  }

  forgetToken(): void {
    this.facts = { ...this.facts, shown: undefined }
  }

  enter(shown: Omit<ShownToken, 'token'>): Entrance {
    this.#style = shown.identity.loaded.app.settings.documentCloseCodes
    return enter(shown, this, (editor, refusal) => this.#editorEnded(editor, refusal))
  }

  refuse(refused: Refused): void {
    if (this.isOver) return
    const farewell = yjsFarewell(refused, this.#style, this.facts.documentName)
    if (!isHeldBack(farewell.code)) return this.finish(refused)
    const { clock, random } = this.deps
    this.#over('held', refused.refusal)
    this.#farewell = farewell
    this.#closeAtMs = clock.monotonicMs() + holdMsOf(random.uint32())
  }

  finish(refused: Refused): void {
    if (this.isOver) return
    this.#over('over', refused.refusal)
    this.#farewell = yjsFarewell(refused, this.#style, this.facts.documentName)
    this.#close()
  }

  later<T>(outcome: Promise<T>, goOn: (value: T) => void): void {
    outcome.then(goOn).catch((error: unknown) => this.#failed(error))
  }

  hold(): void {
    this.#holdCount++
    this.#pace()
  }

  goOn(): void {
    this.#holdCount--
    this.#pace()
  }

  spend(count: number): void {
    this.#spentCount += count
    if (this.#spentCount > SPENT_COUNT_END) this.finish({ refusal: 'overloaded' })
    else this.#pace()
  }

  submitted(byteCount: number): void {
    this.#submitCount++
    this.#submitBytes += byteCount
    this.#pace()
  }

  settled(byteCount: number): void {
    this.#submitCount--
    this.#submitBytes -= byteCount
    this.#pace()
  }

  #begin(framing: 'plain' | 'pooled'): Editing {
    if (framing === 'pooled') {
      this.#editing = new PooledEditing(this)
      return this.#editing
    }
    const editing = new PlainEditing(this)
    this.#editing = editing
    editing.begin()
    return editing
  }

  /** Who says nothing: one that named everything speaks y-websocket, the others have to sign in. */
  #waitForFirst(nowMs: number): void {
    const { documentName, shown, source } = this.facts
    const waitedMs = nowMs - this.#openedAtMs
    if (documentName !== undefined && shown !== undefined && waitedMs >= FRAMING_MS_MAX) {
      this.#begin('plain')
    } else if (waitedMs >= AUTH_MS_MAX) {
      // It has waited long enough: there is nobody to hold back.
      this.finish({ refusal: this.deps.door.missing(source) })
    }
  }

  #speakFor(shown: ShownToken | undefined): void {
    if (shown !== undefined) this.#style = shown.identity.loaded.app.settings.documentCloseCodes
  }

  #editorEnded(editor: Editor, refusal: RefusalCode): void {
    if (!this.isOver) this.#editing?.editorEnded(editor, refusal)
  }

  #over(state: 'held' | 'over', refusal: RefusalCode): void {
    this.#state = state
    this.deps.tally.refused(refusal)
    this.#editing?.leave()
    this.#pace()
  }

  #close(): void {
    if (this.#state === 'held') this.#state = 'over'
    this.#closeAtMs = Number.POSITIVE_INFINITY
    const farewell = this.#farewell ?? { code: 1_011, reason: REFUSALS.internal.text }
    this.outbox.close(farewell.code, farewell.reason)
  }

  /** Reads no more than can be taken; what is over is read, so that its end is noticed. */
  #pace(): void {
    const isFull =
      this.#holdCount > 0 ||
      this.#spentCount >= SPENT_COUNT_MAX ||
      this.#submitCount >= SUBMIT_COUNT_MAX ||
      this.#submitBytes >= SUBMIT_BYTES_MAX
    const isPaused = isFull && !this.isOver
    if (isPaused === this.#isPaused) return
    this.#isPaused = isPaused
    if (isPaused) this.#inflow.pause()
    else this.#inflow.resume()
  }

  /** As at the edge of the transport: an outage is told, a bug ends this connection alone. */
  #failed(error: unknown): void {
    if (error instanceof Outage) {
      this.deps.log.error('session_outage', error, { port: error.port, code: error.code })
      return this.finish({ refusal: 'unavailable' })
    }
    this.deps.tally.bugs++
    this.deps.log.error('session_bug', error)
    this.finish({ refusal: 'internal' })
  }
}
