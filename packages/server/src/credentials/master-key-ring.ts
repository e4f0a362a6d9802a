/**
 * The master key of a running server: one object that everything seals and opens with, so that a
 * rotation reaches all of them at once.
 */
import type { KeyObject } from 'node:crypto'
import type { MasterKey } from './master-key.ts'

export class MasterKeyRing implements MasterKey {
  #key: MasterKey

  constructor(key: MasterKey) {
    this.#key = key
  }

  get currentVersion(): number {
    return this.#key.currentVersion
  }

  get versions(): ReadonlyMap<number, KeyObject> {
    return this.#key.versions
  }

  /** @param key holds every version something is still sealed under. */
  replace(key: MasterKey): void {
    this.#key = key
  }
}
