/** Every open document of the Worker, and which of them may stay a Y.Doc. */
import { HeldDocument, type HeldOutcome } from './held-document.ts'
import type { Answer, AskingCall } from './worker-protocol.ts'
import { TooSlow } from './yjs-bounds.ts'

/** Our bounds on Y.Docs, which take many times their bytes: together, and how many. */
const LIVE_BYTES_MAX = 33_554_432
const LIVE_STRUCT_COUNT_MAX = 1_000_000
const LIVE_COUNT_MAX = 1_000
/** Our bound on the updates of one call: what is left waits until others had their turn. */
const APPLY_MS_MAX = 50
/** Our bound on the bytes that one sweep encodes, for the calls that wait meanwhile. */
const SWEEP_BYTES_MAX = 4_194_304

interface LiveUse {
  readonly bytes: number
  readonly structCount: number
  /** By a sweep, since it was last used. */
  isSeen: boolean
}

export class DocumentTable {
  readonly #documents = new Map<number, HeldDocument>()
  /** Those that are Y.Docs, least recently used first. */
  readonly #live = new Map<HeldDocument, LiveUse>()
  #liveBytes = 0
  #liveStructCount = 0
  readonly #onWork: () => void
  readonly #nowMs: () => number

  /**
   * @param onWork told before each update and each other piece of work.
   * @param nowMs monotonic.
   */
  constructor(onWork: () => void, nowMs: () => number) {
    this.#onWork = onWork
    this.#nowMs = nowMs
  }

  /** Of documents that are Y.Docs. */
  get liveCount(): number {
    return this.#live.size
  }

  answer(call: AskingCall): Answer {
    this.#onWork()
    try {
      return this.#answer(call)
    } catch (error) {
      // Not one document's trouble is that of the others.
      return { kind: error instanceof TooSlow ? 'slow' : 'failed' }
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
      if (call.kind === 'apply') return this.#apply(document, call.updates)
      return answerOf(document, call)
    } finally {
      this.#note(document)
    }
  }

  /** One at least. After one that was refused the rest is given back: its sender is done with. */
  #apply(document: HeldDocument, updates: readonly Uint8Array[]): Answer {
    const startMs = this.#nowMs()
    const outcomes: HeldOutcome[] = []
    let [slowestMs, atMs] = [0, startMs]
    // Told after each update and before the next: whether there is time for it.
    const goesOn = () => {
      const beganMs = atMs
      atMs = this.#nowMs()
      slowestMs = Math.max(slowestMs, atMs - beganMs)
      this.#onWork()
      return atMs - startMs < APPLY_MS_MAX
    }
    this.#onWork()
    do {
      const step = stepOf(document, updates.slice(outcomes.length), goesOn)
      outcomes.push(...step)
      if (!goesOn() || step.some(isRefused)) break
    } while (outcomes.length < updates.length)
    return { kind: 'outcomes', outcomes, slowestMs }
  }

  #note(document: HeldDocument): void {
    this.#forget(document)
    if (!document.isLive) return
    const { byteCount: bytes, structCount } = document
    this.#live.set(document, { bytes, structCount, isSeen: false })
    this.#liveBytes += bytes
    this.#liveStructCount += structCount
    for (const each of this.#live.keys()) {
      if (this.#isSmall) return
      if (each === document) return // what is in use stays
      this.#rest(each)
    }
  }

  get #isSmall(): boolean {
    return (
      this.#liveBytes <= LIVE_BYTES_MAX &&
      this.#liveStructCount <= LIVE_STRUCT_COUNT_MAX &&
      this.#live.size <= LIVE_COUNT_MAX
    )
  }

  #forget(document: HeldDocument): void {
    const use = this.#live.get(document)
    this.#liveBytes -= use?.bytes ?? 0
    this.#liveStructCount -= use?.structCount ?? 0
    this.#live.delete(document)
  }

  #rest(document: HeldDocument): void {
    this.#forget(document)
    document.rest()
  }
}

function answerOf(
  document: HeldDocument,
  call: Exclude<AskingCall, { kind: 'open' | 'apply' }>,
): Answer {
  switch (call.kind) {
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

/** @param updates at least one. @returns outcomes of those at the front. */
function stepOf(
  document: HeldDocument,
  updates: readonly Uint8Array[],
  goesOn: () => boolean,
): readonly HeldOutcome[] {
  const together = updates.length > 1 ? document.applyTogether(updates, goesOn) : []
  if (together.length > 0) return together
  return updates.slice(0, 1).map((update) => document.apply(update))
}

function isRefused({ kind }: HeldOutcome): boolean {
  return kind === 'update_malformed' || kind === 'document_large'
}
