/** Every open document of the Worker, and which of them may stay a Y.Doc. */
import { HeldDocument } from './held-document.ts'
import type { Answer, AskingCall } from './worker-protocol.ts'

/** Our bounds on Y.Docs, which take many times their bytes: together, and how many. */
const LIVE_BYTES_MAX = 33_554_432
const LIVE_COUNT_MAX = 1_000
/** Our bound on the bytes that one sweep encodes, for the calls that wait meanwhile. */
const SWEEP_BYTES_MAX = 4_194_304

interface LiveUse {
  readonly bytes: number
  /** By a sweep, since it was last used. */
  isSeen: boolean
}

export class DocumentTable {
  readonly #documents = new Map<number, HeldDocument>()
  /** Those that are Y.Docs, least recently used first. */
  readonly #live = new Map<HeldDocument, LiveUse>()
  #liveBytes = 0
  readonly #onWork: () => void

  /** @param onWork told before each update and each other piece of work. */
  constructor(onWork: () => void) {
    this.#onWork = onWork
  }

  /** Of documents that are Y.Docs. */
  get liveCount(): number {
    return this.#live.size
  }

  answer(call: AskingCall): Answer {
    this.#onWork()
    try {
      return this.#answer(call)
    } catch {
      return { kind: 'failed' } // not one document's trouble is that of the others
    }
  }

  close(number: number): void {
    const document = this.#documents.get(number)
    if (document === undefined) return
    this.#documents.delete(number)
    this.#forget(document)
  }

  /** Puts to rest what nobody used since the last sweep. */
  sweep(): void {
    let bytes = 0
    for (const [document, use] of this.#live) {
      if (use.isSeen && bytes <= SWEEP_BYTES_MAX) {
        bytes += document.byteCount
        this.#onWork()
        this.#rest(document)
      } else use.isSeen = true
    }
  }

  #answer(call: AskingCall): Answer {
    if (call.kind === 'open') {
      const document = new HeldDocument(call.updates, call.terms)
      this.#documents.set(call.document, document)
      this.#note(document)
      return { kind: 'done' }
    }
    const document = this.#documents.get(call.document)
    if (document === undefined) return { kind: 'failed' }
    try {
      return answerOf(document, call, this.#onWork)
    } finally {
      this.#note(document)
    }
  }

  #note(document: HeldDocument): void {
    this.#forget(document)
    if (!document.isLive) return
    const bytes = document.byteCount
    this.#live.set(document, { bytes, isSeen: false })
    this.#liveBytes += bytes
    for (const each of this.#live.keys()) {
      if (this.#liveBytes <= LIVE_BYTES_MAX && this.#live.size <= LIVE_COUNT_MAX) return
      if (each === document) return // what is in use stays
      this.#rest(each)
    }
  }

  #forget(document: HeldDocument): void {
    this.#liveBytes -= this.#live.get(document)?.bytes ?? 0
    this.#live.delete(document)
  }

  #rest(document: HeldDocument): void {
    this.#forget(document)
    document.rest()
  }
}

function answerOf(
  document: HeldDocument,
  call: Exclude<AskingCall, { kind: 'open' }>,
  onWork: () => void,
): Answer {
  switch (call.kind) {
    case 'apply': {
      const outcomes = call.updates.map((update) => {
        onWork()
        return document.apply(update)
      })
      return { kind: 'outcomes', outcomes }
    }
    case 'stateVector':
      return { kind: 'bytes', bytes: document.stateVector() }
    case 'state':
      return { kind: 'bytes', bytes: document.state() }
    case 'diff': {
      const bytes = document.diff(call.stateVector)
      return bytes === undefined ? { kind: 'malformed' } : { kind: 'bytes', bytes }
    }
  }
}
