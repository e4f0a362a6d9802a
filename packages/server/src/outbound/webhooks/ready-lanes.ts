/**
 * Lanes that may have something to send, in turn. Those of a tenant that has as much under way as
 * it may stand aside, so that looking for the next one never passes over them.
 */
import type { Lane } from './lane.ts'

export class ReadyLanes {
  readonly #ready = new Set<Lane>()
  /** By tenant, in turn. */
  readonly #aside = new Map<string, Set<Lane>>()

  /** At the end of the row, unless it is in it. */
  add(lane: Lane): void {
    if (this.#aside.get(lane.tenantId)?.has(lane) !== true) this.#ready.add(lane)
  }

  delete(lane: Lane): void {
    this.#ready.delete(lane)
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#ready.values()
  }

  /** Until something of its tenant ends. */
  standAside(lane: Lane): void {
    this.#ready.delete(lane)
    const aside = this.#aside.get(lane.tenantId)
    if (aside === undefined) this.#aside.set(lane.tenantId, new Set([lane]))
    else aside.add(lane)
  }

  /** Something of a tenant has ended: the one that stands aside for longest is in turn again. */
  recall(tenantId: string): void {
    const aside = this.#aside.get(tenantId)
    for (const lane of aside ?? []) {
      aside?.delete(lane)
      this.#ready.add(lane)
      break
    }
    if (aside?.size === 0) this.#aside.delete(tenantId)
  }

  /** Others have ended something, so there may be room for everybody. */
  recallAll(): void {
    for (const aside of this.#aside.values()) for (const lane of aside) this.#ready.add(lane)
    this.#aside.clear()
  }
}
