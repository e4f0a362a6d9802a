/**
 * The kept side of one open document: what was appended since its last state, and when a new state
 * is worth writing.
 */
import type { DocumentKey } from '../../ports/document-store.ts'
import type { StoredDocument } from '../../ports/document-store.ts'
import type { DocumentHome } from './document-ports.ts'

/** Ours: opening reads this many updates at most, and a busy editor makes them in a minute. */
export const COMPACTION_COUNT = 500
/** Ours: less than this is not worth a state, however small the document. */
export const COMPACTION_BYTES_MIN = 64 * 1024

export class KeptDocument {
  readonly key: DocumentKey
  readonly #home: DocumentHome
  /** Of the last update that is durable. */
  #lastNumber = 0
  #stateBytes = 0
  #sinceState = { count: 0, bytes: 0 }
  /** Where the last try stood: one that failed is not tried again with every update. */
  #tried = { count: 0, bytes: 0 }

  /** Epoch: when the store heard last that somebody has it open. */
  #notedAtMs = 0

  constructor(key: DocumentKey, home: DocumentHome) {
    this.key = key
    this.#home = home
  }

  get hasUpdates(): boolean {
    return this.#sinceState.count > 0
  }

  /** Whether updates have become many, or large beside the state. */
  get isDue(): boolean {
    const count = this.#sinceState.count - this.#tried.count
    const bytes = this.#sinceState.bytes - this.#tried.bytes
    return (
      count >= COMPACTION_COUNT || bytes >= Math.max(COMPACTION_BYTES_MIN, this.#stateBytes / 2)
    )
  }

  /** @returns what is kept, a state first. @throws Outage */
  async load(nowMs: number): Promise<readonly Uint8Array[]> {
    const stored = await this.#home.store.load(this.key, nowMs)
    this.#notedAtMs = nowMs
    if (stored === undefined) return []
    this.#loaded(stored)
    const { state, updates } = stored
    return state === undefined ? updates : [state, ...updates]
  }

  /** @returns once they survive `kill -9`. @throws Outage */
  async append(updates: readonly Uint8Array[]): Promise<void> {
    const numbers = await this.#home.journal.append(this.key, updates)
    this.#lastNumber = numbers.at(-1) ?? this.#lastNumber
    this.#sinceState.count += updates.length
    this.#sinceState.bytes += bytesOf(updates)
  }

  /** Says that somebody has it open where nothing did so for `ageMsMax`. @throws Outage */
  async noteOpen(nowMs: number, ageMsMax: number): Promise<void> {
    if (nowMs - this.#notedAtMs < ageMsMax) return
    await this.#home.store.load(this.key, nowMs)
    this.#notedAtMs = nowMs
  }

  /**
   * Writes a state in the place of the updates that are durable before it is taken: it holds at
   * least those. What is appended meanwhile stays.
   * @param take gives the state; undefined where the document has ended meanwhile.
   * @returns whether one was written. @throws Outage
   */
  async compact(take: () => Promise<Uint8Array | undefined>): Promise<boolean> {
    const upToNumber = this.#lastNumber
    const { ...covered } = this.#sinceState
    this.#tried = covered
    const state = await take()
    if (state === undefined) return false
    await this.#home.store.compact(this.key, upToNumber, state)
    this.#sinceState.count -= covered.count
    this.#sinceState.bytes -= covered.bytes
    this.#tried = { count: 0, bytes: 0 }
    this.#stateBytes = state.length
    return true
  }

  #loaded({ state, updates, lastNumber }: StoredDocument): void {
    this.#lastNumber = lastNumber
    this.#stateBytes = state?.length ?? 0
    this.#sinceState = { count: updates.length, bytes: bytesOf(updates) }
  }
}

function bytesOf(updates: readonly Uint8Array[]): number {
  return updates.reduce((sum, { length }) => sum + length, 0)
}
