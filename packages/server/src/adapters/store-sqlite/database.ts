/** One database of the store: its transactions and, for a region, the single steps. */
import type { CompiledQuery } from 'kysely'
import type {
  ConnectionTokenOutcome,
  ConnectionTokenStep,
} from '../../ports/connection-token-records.ts'
import type {
  DeliveryCounts,
  DeliveryOutcome,
  FinishBound,
  NewDelivery,
  TakenDeliveries,
  TakeOrder,
} from '../../ports/delivery-queue.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { RefreshFamilyRecord } from '../../ports/records/refresh-family.ts'
import type { UseRecord } from '../../ports/records/use.ts'
import {
  Conflict,
  type ControlDatabase,
  type ControlTransaction,
  type Database,
  type FamilyStep,
  type RegionDatabase,
  type RegionPlace,
  type RegionTransaction,
} from '../../ports/store.ts'
import { Calls, statementOf } from './calls.ts'
import type { Connection } from './connection.ts'
import {
  countDeliveries,
  countsOf,
  deliveryOf,
  findNextDue,
  finishDelivery,
  insertDelivery,
  nextDueOf,
  releaseDeliveries,
  takeDueDeliveries,
  trimDead,
} from './delivery-queries.ts'
import { SqlControlTransaction } from './control-transaction.ts'
import { advanceFamily, familyOf, findFamily, insertFamily } from './family-queries.ts'
import type { SqlDocumentStore } from './document-store.ts'
import type { Gate } from './gate.ts'
import type { SqlHistoryStore } from './history-store.ts'
import { SqlRegionTransaction } from './region-transaction.ts'
import type { SqlSessionStore } from './session-store.ts'
import type { ConnectionTokenRow, DeliveryRow, FamilyRow } from './schema.ts'
import { advanceToken, bindClient, findToken, insertToken, tokenOf } from './token-queries.ts'
import { addUse } from './use-queries.ts'
import type { StatementAnswer } from './worker-protocol.ts'
import { Writer } from './writer.ts'

interface Parts<T> {
  readonly code: string
  readonly connection: Connection
  readonly gate: Gate
  readonly transactionOf: (calls: Calls) => T
}

class SqlDatabase<T> implements Database<T> {
  readonly code: string
  readonly #writer: Writer
  readonly #gate: Gate
  readonly #transactionOf: (calls: Calls) => T

  constructor({ code, connection, gate, transactionOf }: Parts<T>) {
    this.code = code
    this.#writer = new Writer(connection)
    this.#gate = gate
    this.#transactionOf = transactionOf
  }

  async transaction<R>(work: (transaction: T) => Promise<R>): Promise<R> {
    this.#gate.assertPassable()
    return this.#writer.runDialogue((group) =>
      this.#gate.runInside(async () => {
        const calls = new Calls(group)
        let result: R
        try {
          result = await work(this.#transactionOf(calls))
        } finally {
          await calls.end()
        }
        calls.assertSound()
        return result
      }),
    )
  }

  async addUses(uses: readonly UseRecord[]): Promise<void> {
    if (uses.length > 0) await this.runStep(uses.map(addUse))
  }

  /** Resolves when nothing waits and nothing runs. */
  drained(): Promise<void> {
    return this.#writer.drained()
  }

  protected async runStep(queries: readonly CompiledQuery[]): Promise<readonly StatementAnswer[]> {
    this.#gate.assertPassable()
    return this.#writer.runStep(queries.map(statementOf))
  }
}

export class SqlControlDatabase extends SqlDatabase<ControlTransaction> implements ControlDatabase {
  constructor(connection: Connection, gate: Gate) {
    const transactionOf = (calls: Calls) => new SqlControlTransaction(calls)
    super({ code: 'control', connection, gate, transactionOf })
  }
}

interface RegionParts {
  readonly connection: Connection
  readonly gate: Gate
  readonly sessions: SqlSessionStore
  readonly history: SqlHistoryStore
  readonly documents: SqlDocumentStore
}

export class SqlRegionDatabase extends SqlDatabase<RegionTransaction> implements RegionDatabase {
  readonly region: string
  readonly sessions: SqlSessionStore
  readonly history: SqlHistoryStore
  readonly documents: SqlDocumentStore

  constructor(place: RegionPlace, parts: RegionParts) {
    const { connection, gate, sessions, history, documents } = parts
    const transactionOf = (calls: Calls) => new SqlRegionTransaction(calls)
    super({ code: place.dbCode, connection, gate, transactionOf })
    this.region = place.region
    this.sessions = sessions
    this.history = history
    this.documents = documents
  }

  async startFamily(family: RefreshFamilyRecord): Promise<void> {
    const [inserted] = await this.runStep([insertFamily(family)])
    if (inserted?.changeCount !== 1) throw new Conflict('stale_revision')
  }

  async advanceFamily(
    step: FamilyStep,
  ): Promise<{ readonly isAdvanced: boolean; readonly family: RefreshFamilyRecord | undefined }> {
    const [advanced, found] = await this.runStep([advanceFamily(step), findFamily(step.id)])
    const row = found?.rows[0] as FamilyRow | undefined // the columns of findFamily
    return { isAdvanced: advanced?.changeCount === 1, family: row && familyOf(row) }
  }

  async startConnectionToken(token: ConnectionTokenRecord): Promise<void> {
    const [inserted] = await this.runStep([insertToken(token)])
    if (inserted?.changeCount !== 1) throw new Conflict('stale_revision')
  }

  async advanceConnectionToken(step: ConnectionTokenStep): Promise<ConnectionTokenOutcome> {
    const [advanced, found] = await this.runStep([advanceToken(step), findToken(step.id)])
    const row = found?.rows[0] as ConnectionTokenRow | undefined // the columns of findToken
    return { isAdvanced: advanced?.changeCount === 1, token: row && tokenOf(row) }
  }

  async bindConnectionTokenClient(id: string, clientId: string): Promise<boolean> {
    const [bound, found] = await this.runStep([bindClient(id, clientId), findToken(id)])
    if (bound?.changeCount === 1) return true
    const row = found?.rows[0] as ConnectionTokenRow | undefined // the columns of findToken
    return row !== undefined && tokenOf(row).clientIds.includes(clientId)
  }

  async addDeliveries(deliveries: readonly NewDelivery[]): Promise<void> {
    const answers = await this.runStep(deliveries.map(insertDelivery))
    if (answers.some(({ changeCount }) => changeCount !== 1)) throw new Conflict('stale_revision')
  }

  async takeDueDeliveries(order: TakeOrder): Promise<TakenDeliveries> {
    const takes = order.wanted.map((each) => takeDueDeliveries(order, each))
    const answers = await this.runStep([...takes, ...order.wanted.map(findNextDue)])
    const rows = answers.slice(0, takes.length).flatMap((answer) => answer.rows)
    const deliveries = (rows as unknown as readonly DeliveryRow[]).map(deliveryOf)
    const nextDueAtMs = answers.slice(takes.length).map(({ rows: [row] }) => nextDueOf(row))
    return { deliveries: deliveries.sort((a, b) => (a.id < b.id ? -1 : 1)), nextDueAtMs }
  }

  async finishDeliveries(
    outcomes: readonly DeliveryOutcome[],
    { places, deadCountMax }: FinishBound,
  ): Promise<number> {
    const trims = places.map((place) => trimDead(place, deadCountMax))
    const answers = await this.runStep([...outcomes.map(finishDelivery), ...trims])
    return answers.slice(outcomes.length).reduce((sum, { changeCount }) => sum + changeCount, 0)
  }

  async releaseDeliveries(nowMs: number, horizonMs: number): Promise<void> {
    await this.runStep([releaseDeliveries(nowMs, horizonMs)])
  }

  async countDeliveries(): Promise<readonly DeliveryCounts[]> {
    const [answer] = await this.runStep([countDeliveries()])
    return (answer?.rows ?? []).map(countsOf)
  }
}
