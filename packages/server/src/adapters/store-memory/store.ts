/**
 * A store that lives as long as its process: for tests and throw-away servers. Keeps every promise
 * of the port but durability.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Outage } from '../../ports/outage.ts'
import type { Store, StoreTransaction } from '../../ports/store.ts'
import { MemoryTransaction, type Records } from './transaction.ts'

/** Our bound on transactions that wait for their turn. */
export const TRANSACTION_QUEUE_MAX = 10_000

export function openMemoryStore(): Store {
  return new MemoryStore()
}

class MemoryStore implements Store {
  #records: Records = { tenants: new Map(), apps: new Map(), signingKeys: new Map() }
  /** Which transaction the running code is inside of, so that a nested one fails and not hangs. */
  readonly #current = new AsyncLocalStorage<{ isRunning: boolean }>()
  /** Settles when the last transaction asked for is over; never rejects. */
  #tail: Promise<void> = Promise.resolve()
  #waitingCount = 0
  #isClosed = false

  async transaction<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.#current.getStore()?.isRunning) throw new Error('transactions do not nest')
    this.#assertOpen()
    if (this.#waitingCount >= TRANSACTION_QUEUE_MAX)
      throw unavailable('too many transactions are waiting: try again later')
    this.#waitingCount++
    const result = this.#tail.then(() => this.#run(work))
    const settle = () => {
      this.#waitingCount--
    }
    this.#tail = result.then(settle, settle)
    return result
  }

  async ping(): Promise<void> {
    this.#assertOpen()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#tail
  }

  async #run<T>(work: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    const scope = { isRunning: true }
    const transaction = new MemoryTransaction(this.#records)
    try {
      const result = await this.#current.run(scope, () => work(transaction))
      this.#records = transaction.commit()
      return result
    } finally {
      transaction.end()
      scope.isRunning = false
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw unavailable('the store is closed: start the server again')
  }
}

function unavailable(message: string): Outage {
  return new Outage('store_unavailable', message, { port: 'store' })
}
