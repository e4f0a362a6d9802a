/** One fresh store per test of the contract. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../packages/server/src/ports/store.ts'
import type { Durability } from './store-durability.ts'

export interface StoreHarness {
  /**
   * Opens the store of a place; what is there already is kept where the store is durable.
   * @param place a folder of the test's own, removed afterwards.
   */
  readonly open: (place: string) => Promise<Store>
  /** Left out by a store that promises nothing beyond its process. */
  readonly durability?: Durability
}

export class StoreBench {
  readonly #harness: StoreHarness
  #place = ''
  #store: Store | undefined

  constructor(harness: StoreHarness) {
    this.#harness = harness
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error('the bench is not started')
    return this.#store
  }

  async start(): Promise<void> {
    this.#place = mkdtempSync(join(tmpdir(), 'lockgate-store-'))
    this.#store = await this.#harness.open(this.#place)
  }

  async stop(): Promise<void> {
    await this.store.close()
    rmSync(this.#place, { recursive: true })
  }
}
