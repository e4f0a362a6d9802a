/**
 * A store that lives as long as its process: for tests and throw-away servers. Keeps every promise
 * of the port but durability.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ConnectionTokenStep } from '../../ports/connection-token-records.ts'
import type {
  DeliveryOutcome,
  FinishBound,
  NewDelivery,
  TakeOrder,
} from '../../ports/delivery-queue.ts'
import { Outage } from '../../ports/outage.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { UseRecord } from '../../ports/records/use.ts'
import type {
  ControlTransaction,
  Database,
  FamilyStep,
  RegionDatabase,
  RegionPlace,
  RegionTransaction,
  Store,
} from '../../ports/store.ts'
import { MemoryControlTransaction } from './control-transaction.ts'
import { MemoryHistoryStore } from './history-store.ts'
import { MemoryDocumentStore } from './document-store.ts'
import { emptyControl, emptyRegion, type SharedRecords } from './records.ts'
import { MemoryRegionTransaction } from './region-transaction.ts'
import { MemorySessionStore } from './session-store.ts'
import type { SharedTransaction } from './shared-transaction.ts'

/** Our bound on transactions that wait for their turn. */
export const TRANSACTION_QUEUE_MAX = 10_000

/** @param regions at least one; codes are unique. */
export function openMemoryStore(regions: readonly RegionPlace[]): Store {
  return new MemoryStore(regions)
}

/** What the databases of one store share: whether it is open, and who is inside a transaction. */
class Gate {
  readonly #current = new AsyncLocalStorage<{ isRunning: boolean }>()
  isClosed = false

  /** @throws an error inside a transaction, and an outage on a closed store. */
  assertPassable(): void {
    if (this.#current.getStore()?.isRunning) throw new Error('transactions do not nest')
    this.assertOpen()
  }

  assertOpen(): void {
    if (this.isClosed) throw unavailable('the store is closed: start the server again')
  }

  async runInside<R>(work: () => Promise<R>): Promise<R> {
    const scope = { isRunning: true }
    try {
      return await this.#current.run(scope, work)
    } finally {
      scope.isRunning = false
    }
  }
}

class MemoryDatabase<T, R extends SharedRecords, M extends SharedTransaction<R> & T>
  implements Database<T>
{
  readonly code: string
  readonly #gate: Gate
  readonly #open: (records: R) => M
  #records: R
  /** Settles when the last transaction asked for is over; never rejects. */
  #tail: Promise<void> = Promise.resolve()
  #waitingCount = 0

  constructor(
    code: string,
    parts: { readonly gate: Gate; readonly records: R; readonly open: (records: R) => M },
  ) {
    this.code = code
    this.#gate = parts.gate
    this.#records = parts.records
    this.#open = parts.open
  }

  transaction<X>(work: (transaction: T) => Promise<X>): Promise<X> {
    return this.run(work)
  }

  async addUses(uses: readonly UseRecord[]): Promise<void> {
    await this.run(async (transaction) => {
      for (const use of uses) await transaction.addUse(use)
    })
  }

  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void> {
    return this.#tail
  }

  protected async run<X>(work: (transaction: M) => Promise<X>): Promise<X> {
    this.#gate.assertPassable()
    if (this.#waitingCount >= TRANSACTION_QUEUE_MAX)
      throw unavailable('too many transactions are waiting: try again later')
    this.#waitingCount++
    const result = this.#tail.then(() => this.#gate.runInside(() => this.#commit(work)))
    const settle = () => {
      this.#waitingCount--
    }
    this.#tail = result.then(settle, settle)
    return result
  }

  async #commit<X>(work: (transaction: M) => Promise<X>): Promise<X> {
    const transaction = this.#open(this.#records)
    try {
      const result = await work(transaction)
      this.#records = transaction.commit()
      return result
    } finally {
      transaction.end()
    }
  }
}

class MemoryRegion
  extends MemoryDatabase<RegionTransaction, ReturnType<typeof emptyRegion>, MemoryRegionTransaction>
  implements RegionDatabase
{
  readonly region: string
  readonly sessions: MemorySessionStore
  readonly history: MemoryHistoryStore
  readonly documents: MemoryDocumentStore

  constructor({ region, dbCode }: RegionPlace, gate: Gate) {
    const open = (records: ReturnType<typeof emptyRegion>) => new MemoryRegionTransaction(records)
    super(dbCode, { gate, records: emptyRegion(), open })
    this.region = region
    this.sessions = new MemorySessionStore(() => gate.assertOpen())
    this.history = new MemoryHistoryStore(() => gate.assertOpen())
    this.documents = new MemoryDocumentStore(() => gate.assertOpen())
  }

  startFamily(family: RefreshFamilyRecord): Promise<void> {
    return this.run((transaction) => transaction.startFamily(family))
  }

  advanceFamily(step: FamilyStep) {
    return this.run((transaction) => transaction.advanceFamily(step))
  }

  startConnectionToken(token: ConnectionTokenRecord): Promise<void> {
    return this.run((transaction) => transaction.startConnectionToken(token))
  }

  advanceConnectionToken(step: ConnectionTokenStep) {
    return this.run((transaction) => transaction.advanceConnectionToken(step))
  }

  bindConnectionTokenClient(id: string, clientId: string) {
    return this.run((transaction) => transaction.bindConnectionTokenClient(id, clientId))
  }

  addDeliveries(deliveries: readonly NewDelivery[]) {
    return this.run((transaction) => transaction.addDeliveries(deliveries))
  }

  takeDueDeliveries(order: TakeOrder) {
    return this.run((transaction) => transaction.takeDueDeliveries(order))
  }

  finishDeliveries(outcomes: readonly DeliveryOutcome[], bound: FinishBound) {
    return this.run((transaction) => transaction.finishDeliveries(outcomes, bound))
  }

  releaseDeliveries(nowMs: number, horizonMs: number) {
    return this.run((transaction) => transaction.releaseDeliveries(nowMs, horizonMs))
  }

  countDeliveries() {
    return this.run((transaction) => transaction.countDeliveries())
  }
}

class MemoryStore implements Store {
  readonly control: MemoryDatabase<
    ControlTransaction,
    ReturnType<typeof emptyControl>,
    MemoryControlTransaction
  >
  readonly regions: ReadonlyMap<string, MemoryRegion>
  readonly #gate = new Gate()

  constructor(regions: readonly RegionPlace[]) {
    this.control = new MemoryDatabase('control', {
      gate: this.#gate,
      records: emptyControl(),
      open: (records) => new MemoryControlTransaction(records),
    })
    this.regions = new Map(
      regions.map((place) => [place.region, new MemoryRegion(place, this.#gate)]),
    )
  }

  async ping(): Promise<void> {
    this.#gate.assertOpen()
  }

  async close(): Promise<void> {
    this.#gate.isClosed = true
    const databases = [this.control, ...this.regions.values()]
    await Promise.all(databases.map((database) => database.drained()))
  }
}

function unavailable(message: string): Outage {
  return new Outage('store_unavailable', message, { port: 'store' })
}
