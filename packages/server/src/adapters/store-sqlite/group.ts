/**
 * One SQL transaction that several jobs share: each runs in a savepoint of its own, so a failed one
 * leaves nothing behind and does its neighbours no harm. What opens and closes savepoints travels
 * with the next statement of a job, so it costs no round trip. A group of one job has none:
 * SQLite copies every page that a savepoint may have to give back.
 */
import { Outage } from '../../ports/outage.ts'
import { BEGIN, type Connection } from './connection.ts'
import type { Statement } from './worker-channel.ts'
import type { StatementAnswer } from './worker-protocol.ts'

const SAVEPOINT: Statement = { sql: 'SAVEPOINT job', parameters: [] }
const UNDO: Statement = { sql: 'ROLLBACK TO job', parameters: [] }
const RELEASE: Statement = { sql: 'RELEASE job', parameters: [] }
const COMMIT: Statement = { sql: 'COMMIT', parameters: [] }

export class Group {
  readonly #connection: Connection
  readonly #savepoints: readonly Statement[]
  readonly #releases: readonly Statement[]
  /** What is still to be said before the next statement. */
  #deferred: Statement[] = [BEGIN]
  #hasBegun = false
  #isCommitted = false
  #isUndone = false
  #statementCount = 0
  #outage: Error | undefined

  /** @param jobCountMax 1: the transaction is the job. */
  constructor(connection: Connection, jobCountMax: number) {
    this.#connection = connection
    this.#savepoints = jobCountMax === 1 ? [] : [SAVEPOINT]
    this.#releases = jobCountMax === 1 ? [] : [RELEASE]
  }

  /** Whether any statement has reached the database. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Whether it takes no more jobs: it is committed, or its only one failed. */
  get isOver(): boolean {
    return this.#isCommitted || this.#isUndone
  }

  /** Why nothing of this group can be committed any more. */
  get outage(): Error | undefined {
    return this.#outage
  }

  get statementCount(): number {
    return this.#statementCount
  }

  enterJob(): void {
    this.#deferred.push(...this.#savepoints)
  }

  /** Keeps what the job wrote for the commit. */
  keepJob(): void {
    if (this.#deferred.at(-1) === SAVEPOINT) this.#deferred.pop()
    else this.#deferred.push(...this.#releases)
  }

  /** Takes back what the job wrote. */
  undoJob(): void {
    if (this.#savepoints.length === 0) this.#isUndone = true
    else if (this.#deferred.at(-1) === SAVEPOINT) this.#deferred.pop()
    else this.#deferred.push(UNDO, RELEASE)
  }

  /**
   * Runs statements of the job that was entered.
   * @throws what failed; an outage is one for the whole group.
   */
  run(statements: readonly Statement[]): Promise<readonly StatementAnswer[]> {
    return this.#send(statements, [])
  }

  /** Runs all of the job that was entered, keeps it and commits, in one round trip. */
  async runAndCommit(statements: readonly Statement[]): Promise<readonly StatementAnswer[]> {
    const answers = await this.#send(statements, [...this.#releases, COMMIT])
    this.#isCommitted = true
    return answers
  }

  /**
   * Makes everything kept durable. Free when no statement ran.
   * @throws Outage; nothing of the group is kept then.
   */
  async commit(): Promise<void> {
    if (this.#outage !== undefined) throw this.#outage
    if (this.#isUndone) return this.rollback()
    if (this.#hasBegun && !this.#isCommitted) await this.#send([], [COMMIT])
    this.#isCommitted = true
  }

  /** Ends the SQL transaction after an outage, if it is still open. */
  rollback(): Promise<void> {
    return this.#connection.rollback()
  }

  /** @param suffix like what is deferred, it concerns everybody in the group. */
  async #send(
    own: readonly Statement[],
    suffix: readonly Statement[],
  ): Promise<readonly StatementAnswer[]> {
    if (this.#outage !== undefined) throw this.#outage
    const prefix = this.#deferred
    this.#deferred = []
    this.#statementCount += own.length
    const outcome = await this.#connection.run([...prefix, ...own, ...suffix])
    const { answers, error } = outcome
    this.#hasBegun ||= answers.length > 0
    if (error === undefined) return answers.slice(prefix.length, prefix.length + own.length)
    const isOwn = answers.length >= prefix.length && answers.length < prefix.length + own.length
    if (!isOwn || !outcome.isTransactionOpen || error instanceof Outage) this.#outage = error
    throw error
  }
}
