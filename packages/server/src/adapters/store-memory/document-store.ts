/** Documents over maps. Every call is carried out at once, as a whole. */
import {
  type DocumentKey,
  type DocumentStore,
  type DocumentSummary,
  OPENED_NOTE_MS,
  type StoredDocument,
} from '../../ports/document-store.ts'

interface Kept {
  /** A state of before is not one of this document, though it had the same name. */
  readonly firstNumber: number
  readonly createdAtMs: number
  openedAtMs: number
  state: Uint8Array | undefined
  readonly updates: Map<number, Uint8Array>
}

export class MemoryDocumentStore implements DocumentStore {
  readonly #assertOpen: () => void
  /** By app, then by name. */
  readonly #apps = new Map<string, Map<string, Kept>>()
  #nextNumber = 1

  /** @param assertOpen throws an outage once the store is closed. */
  constructor(assertOpen: () => void) {
    this.#assertOpen = assertOpen
  }

  async append(
    updates: readonly { readonly key: DocumentKey; readonly update: Uint8Array }[],
    nowMs: number,
  ): Promise<readonly number[]> {
    this.#assertOpen()
    return updates.map(({ key, update }) => {
      const number = this.#nextNumber++
      const kept = this.#find(key) ?? this.#make(key, { number, nowMs })
      if (kept.openedAtMs < nowMs - OPENED_NOTE_MS) kept.openedAtMs = nowMs
      kept.updates.set(number, update.slice())
      return number
    })
  }

  async load(key: DocumentKey, nowMs: number): Promise<StoredDocument | undefined> {
    this.#assertOpen()
    const kept = this.#find(key)
    if (kept === undefined) return undefined
    kept.openedAtMs = nowMs
    return {
      state: kept.state?.slice(),
      updates: [...kept.updates.values()].map((update) => update.slice()),
      lastNumber: [...kept.updates.keys()].at(-1) ?? 0,
    }
  }

  async compact(key: DocumentKey, upToNumber: number, state: Uint8Array): Promise<void> {
    this.#assertOpen()
    const kept = this.#find(key)
    if (kept === undefined || kept.firstNumber > upToNumber) return
    kept.state = state.slice()
    for (const number of kept.updates.keys()) if (number <= upToNumber) kept.updates.delete(number)
  }

  async remove(key: DocumentKey): Promise<void> {
    this.#assertOpen()
    const documents = this.#apps.get(key.appId)
    documents?.delete(key.name)
    if (documents?.size === 0) this.#apps.delete(key.appId)
  }

  async removeApp(appId: string): Promise<void> {
    this.#assertOpen()
    this.#apps.delete(appId)
  }

  async list(page: {
    readonly appId: string
    readonly after: string | undefined
    readonly countMax: number
  }): Promise<readonly DocumentSummary[]> {
    this.#assertOpen()
    return [...(this.#apps.get(page.appId) ?? [])]
      .filter(([name]) => page.after === undefined || name > page.after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, page.countMax)
      .map(([name, kept]) => summaryOf(name, kept))
  }

  async prune(of: {
    readonly appId: string
    readonly openedBeforeMs: number
    readonly countMax: number
  }): Promise<number> {
    this.#assertOpen()
    const old = [...(this.#apps.get(of.appId) ?? [])]
      .filter(([, { openedAtMs }]) => openedAtMs < of.openedBeforeMs)
      .sort(([, a], [, b]) => a.openedAtMs - b.openedAtMs)
      .slice(0, of.countMax)
    for (const [name] of old) await this.remove({ appId: of.appId, name })
    return old.length
  }

  #find({ appId, name }: DocumentKey): Kept | undefined {
    return this.#apps.get(appId)?.get(name)
  }

  #make(
    { appId, name }: DocumentKey,
    { number, nowMs }: { readonly number: number; readonly nowMs: number },
  ): Kept {
    const kept: Kept = {
      firstNumber: number,
      createdAtMs: nowMs,
      openedAtMs: nowMs,
      state: undefined,
      updates: new Map(),
    }
    const documents = this.#apps.get(appId) ?? new Map<string, Kept>()
    documents.set(name, kept)
    this.#apps.set(appId, documents)
    return kept
  }
}

function summaryOf(name: string, { state, updates, createdAtMs, openedAtMs }: Kept) {
  let byteCount = state?.length ?? 0
  for (const { length } of updates.values()) byteCount += length
  return { name, byteCount, updateCount: updates.size, createdAtMs, openedAtMs }
}
