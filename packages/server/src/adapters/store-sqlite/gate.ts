/** What every call of the store passes first: it must be open, and not inside a transaction. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { storeOutage } from './failures.ts'

export class Gate {
  readonly #dataDir: string
  /** Which transaction the running code is inside of, so that a nested one fails and not hangs. */
  readonly #current = new AsyncLocalStorage<{ isRunning: boolean }>()
  #isClosed = false

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** @throws Outage when the store is closed, and an error inside a transaction of any database. */
  assertPassable(): void {
    if (this.#current.getStore()?.isRunning) throw new Error('transactions do not nest')
    this.assertOpen()
  }

  assertOpen(): void {
    if (this.#isClosed) throw storeOutage('store_unavailable', this.#dataDir, 'the store is closed')
  }

  /** Runs the work of one transaction. */
  runInside<R>(work: () => Promise<R>): Promise<R> {
    const scope = { isRunning: true }
    return this.#current.run(scope, work).finally(() => {
      scope.isRunning = false
    })
  }

  close(): void {
    this.#isClosed = true
  }
}
