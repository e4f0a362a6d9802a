/**
 * One who follows events. It has a place in the journal and no queue: who reads slowly costs no
 * memory and is told of what was dropped meanwhile. Inputs: `wake`, `beat`, `end`; output: `next`.
 */
import type { JournalEntry } from './entry-queue.ts'
import type { EventFilter } from './event-filter.ts'
import { fits } from './event-filter.ts'
import type { EventJournal, Place, Scope } from './event-journal.ts'
import type { LiveEvent } from '../../core/live-events.ts'

/** Our bound on what is made ready before it is read. */
const STEP_COUNT_MAX = 64

export type WatchEnd = 'credential_revoked' | 'draining'
export type WatchStep =
  | { readonly kind: 'event'; readonly id: string; readonly entry: JournalEntry }
  /** Where the watcher is, as a sign of life. */
  | { readonly kind: 'beat'; readonly id: string }
  | {
      readonly kind: 'gap'
      readonly id: string
      readonly reason: NonNullable<Place['gap']>
      /** The last one that was given before it. */
      readonly after: string | undefined
    }
  | { readonly kind: 'end'; readonly reason: WatchEnd }

export interface WatchRequest {
  readonly filter: EventFilter
  /** Of the key it comes by. */
  readonly scope: Scope
  /** Goes on from here; untrusted. */
  readonly after: string | undefined
  /** Whether the key still holds, in its role. */
  readonly holds: () => boolean
}

export class Watcher {
  readonly #journal: EventJournal
  readonly #request: WatchRequest
  #afterSeq: number
  #lastId: string | undefined
  #gap: Place['gap']
  /** What is missing up to here was told. */
  #toldThroughSeq: number
  #isBeatDue = true
  #end: WatchEnd | 'closed' | undefined
  #wake: (() => void) | undefined
  /** Called once, when nothing more is given out. */
  onClosed: () => void = () => {}

  constructor(journal: EventJournal, request: WatchRequest) {
    this.#journal = journal
    this.#request = request
    const { after, scope, filter } = request
    const place =
      after === undefined
        ? { afterSeq: journal.lastSeq, gap: undefined }
        : journal.find(scope, after, filter)
    this.#afterSeq = place.afterSeq
    this.#gap = place.gap
    this.#lastId = after
    this.#toldThroughSeq = place.gap === undefined ? 0 : journal.droppedThrough(filter)
  }

  get filter(): EventFilter {
    return this.#request.filter
  }

  holds(): boolean {
    return this.#request.holds()
  }

  /** Told of each event that was taken into the journal. */
  hear(event: LiveEvent): void {
    if (this.#wake === undefined) return
    if (fits(this.#request.filter, event)) this.#wakeUp()
    // It waits, so it has seen all before; or what is dropped later would seem to be missing.
    else this.#afterSeq = this.#journal.lastSeq
  }

  beat(): void {
    this.#isBeatDue = true
    this.#wakeUp()
  }

  /** Nothing that happened after this is given out, and who never reads holds no place. */
  end(reason: WatchEnd): void {
    this.#end ??= reason
    this.#leave()
    this.#wakeUp()
  }

  /** Nobody reads any more. */
  close(): void {
    this.#end = 'closed'
    this.#wakeUp()
    this.#leave()
  }

  /** @returns what is next, at least one; undefined after the end. Called one at a time. */
  async next(): Promise<readonly WatchStep[] | undefined> {
    for (;;) {
      if (this.#end === 'closed') return undefined
      if (this.#end !== undefined) {
        const reason = this.#end
        this.close()
        return [{ kind: 'end', reason }]
      }
      const steps = this.#take()
      if (steps.length > 0) return steps
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #take(): readonly WatchStep[] {
    const journal = this.#journal
    const { filter, scope } = this.#request
    const steps: WatchStep[] = []
    const droppedThroughSeq = journal.droppedThrough(filter)
    if (droppedThroughSeq > Math.max(this.#afterSeq, this.#toldThroughSeq)) this.#gap ??= 'dropped'
    const after = this.#lastId
    const { entries, throughSeq } = journal.readAfter(filter, this.#afterSeq, STEP_COUNT_MAX)
    const first = entries[0]
    if (this.#gap !== undefined) {
      // Who comes back with the id of a gap goes on before what follows it.
      const id = first === undefined ? journal.idNow(scope) : journal.idBefore(scope, first)
      steps.push({ kind: 'gap', id, reason: this.#gap, after })
      this.#gap = undefined
      this.#toldThroughSeq = droppedThroughSeq
      this.#lastId = id
    }
    for (const entry of entries) {
      const id = journal.idOf(scope, entry)
      this.#lastId = id
      steps.push({ kind: 'event', id, entry })
    }
    this.#afterSeq = throughSeq
    if (this.#isBeatDue && throughSeq === journal.lastSeq) {
      this.#isBeatDue = false
      const id = journal.idNow(scope)
      this.#lastId = id
      steps.push({ kind: 'beat', id })
    }
    return steps
  }

  #leave(): void {
    const { onClosed } = this
    this.onClosed = () => {}
    onClosed()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
