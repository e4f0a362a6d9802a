/** The Worker's connection to one database, as the rest of the adapter uses it. */
import { setTimeout as pause } from 'node:timers/promises'
import { isBusy, storeError } from './failures.ts'
import type { Statement, WorkerChannel } from './worker-channel.ts'
import type { DatabaseIndex, StatementAnswer, WorkerReply } from './worker-protocol.ts'

/**
 * A foreign lock is waited for by asking again, about 2 s in all, so that meanwhile the Worker
 * serves the other databases.
 */
const BEGIN_TRY_COUNT_MAX = 50
const BEGIN_PAUSE_MS = 30

/** Takes the write lock at once: a later upgrade could fail half-way against a foreign writer. */
export const BEGIN: Statement = { sql: 'BEGIN IMMEDIATE', parameters: [] }

export interface RunOutcome {
  /** Of the statements that ran, in their order; the next one failed. */
  readonly answers: readonly StatementAnswer[]
  /** Conflict, Outage, or a plain error for a statement SQLite does not understand. */
  readonly error?: Error
  /** Given with an error. */
  readonly isTransactionOpen?: boolean
}

export class Connection {
  readonly #channel: WorkerChannel
  readonly #database: DatabaseIndex

  constructor(channel: WorkerChannel, database: DatabaseIndex) {
    this.#channel = channel
    this.#database = database
  }

  get dataDir(): string {
    return this.#channel.dataDir
  }

  /**
   * Runs statements up to the first that fails. Where {@link BEGIN} leads them it waits, with a
   * bound, for a foreign lock.
   * @throws Outage when there is no Worker any more.
   */
  async run(statements: readonly Statement[]): Promise<RunOutcome> {
    const tryCountMax = statements[0] === BEGIN ? BEGIN_TRY_COUNT_MAX : 1
    for (let tryCount = 1; ; tryCount++) {
      const reply = await this.#channel.run(this.#database, statements)
      const { answers, failure, isTransactionOpen = false } = reply
      if (failure === undefined) return { answers }
      const mayTryAgain = answers.length === 0 && isBusy(failure) && tryCount < tryCountMax
      if (!mayTryAgain) return { answers, error: this.#errorOf(failure), isTransactionOpen }
      await pause(BEGIN_PAUSE_MS)
    }
  }

  /** Like {@link run}, and @throws what failed. */
  async runAll(statements: readonly Statement[]): Promise<readonly StatementAnswer[]> {
    const { answers, error } = await this.run(statements)
    if (error !== undefined) throw error
    return answers
  }

  /** Ends the open transaction if there is one. */
  async rollback(): Promise<void> {
    const { failure } = await this.#channel.request({ kind: 'rollback', database: this.#database })
    if (failure !== undefined) throw this.#errorOf(failure)
  }

  #errorOf(failure: NonNullable<WorkerReply['failure']>): Error {
    return storeError(failure, this.#channel.dataDir)
  }
}
