/**
 * Which webhooks came already, so that the same signed delivery does not act twice. In memory for
 * one process; `redis-replay-store` for several.
 */
import { SYSTEM } from './system.ts'

/** `taken`: somebody works on it, or did not say how it ended. `done`: it was handled. */
export type ReplayState = 'new' | 'taken' | 'done' | 'full'

export interface ReplayStore {
  /**
   * Notes a delivery in one step that nobody comes between.
   * @returns `new` for the first one; `full` when nothing more can be noted.
   * @throws when the store cannot be asked; never says `new` for that.
   */
  take(key: string, ttlMs: number): Promise<ReplayState>
  /** Notes that a delivery was handled. */
  finish(key: string, ttlMs: number): Promise<void>
  /** Forgets a delivery that could not be handled, so that it is taken when it comes again. */
  release(key: string): Promise<void>
}

/** A store that answers at once, which `isValid()` needs. */
export interface ImmediateReplayStore extends ReplayStore {
  takeNow(key: string, ttlMs: number): ReplayState
}

/** Our bound: about 100 MB at the most. */
export const REPLAY_ENTRY_COUNT_MAX = 500_000

interface Entry {
  readonly state: 'taken' | 'done'
  readonly untilMs: number
}

export interface MemoryReplayOptions {
  /** {@link REPLAY_ENTRY_COUNT_MAX} unless given. When it is full, webhooks are refused. */
  readonly entryCountMax?: number
  /** For tests. */
  readonly now?: () => number
}

export class MemoryReplayStore implements ImmediateReplayStore {
  readonly #entries = new Map<string, Entry>()
  readonly #entryCountMax: number
  readonly #now: () => number

  constructor({ entryCountMax, now }: MemoryReplayOptions = {}) {
    this.#entryCountMax = entryCountMax ?? REPLAY_ENTRY_COUNT_MAX
    this.#now = now ?? SYSTEM.now
  }

  takeNow(key: string, ttlMs: number): ReplayState {
    const nowMs = this.#now()
    // Oldest first; one with a longer life keeps those behind it a little longer than they need.
    for (const [oldest, { untilMs }] of this.#entries) {
      if (nowMs < untilMs) break
      this.#entries.delete(oldest)
    }
    const entry = this.#entries.get(key)
    if (entry !== undefined && nowMs < entry.untilMs) return entry.state
    if (entry === undefined && this.#entries.size >= this.#entryCountMax) return 'full'
    this.#entries.delete(key)
    this.#entries.set(key, { state: 'taken', untilMs: nowMs + ttlMs })
    return 'new'
  }

  async take(key: string, ttlMs: number): Promise<ReplayState> {
    return this.takeNow(key, ttlMs)
  }

  async finish(key: string, ttlMs: number): Promise<void> {
    // Only what was taken is in here, so this takes no more room.
    if (!this.#entries.has(key)) return
    this.#entries.set(key, { state: 'done', untilMs: this.#now() + ttlMs })
  }

  async release(key: string): Promise<void> {
    this.#entries.delete(key)
  }
}
