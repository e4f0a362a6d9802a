/**
 * The calls of one transaction: each is awaited, none comes late, and after one failed nothing can
 * be committed, even where the caller went on.
 */
import type { CompiledQuery } from 'kysely'
import type { Group } from './group.ts'
import type { Statement } from './worker-channel.ts'
import type { SqlValue } from './worker-protocol.ts'

export class Calls {
  readonly #group: Group
  readonly #running = new Set<Promise<unknown>>()
  #isOver = false
  #failure: Error | undefined

  constructor(group: Group) {
    this.#group = group
  }

  /** One call of the port; `step` may read and change more than once. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new Error('this transaction is over')
    this.assertSound()
    const running = step()
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error('a call failed')
      throw error
    } finally {
      this.#running.delete(running)
    }
  }

  /** Inside {@link run}. */
  async read<R>(query: CompiledQuery<R>): Promise<readonly R[]> {
    const [answer] = await this.#group.run([statementOf(query)])
    return (answer?.rows ?? []) as readonly R[]
  }

  /**
   * Inside {@link run}; all in one round trip.
   * @returns how many rows each query changed.
   */
  async change(queries: readonly CompiledQuery[]): Promise<readonly number[]> {
    if (queries.length === 0) return []
    const answers = await this.#group.run(queries.map(statementOf))
    return answers.map(({ changeCount }) => changeCount)
  }

  /**
   * Refuses every later call and waits for running ones, so that nothing is written after the
   * commit or rollback that follows.
   */
  async end(): Promise<void> {
    this.#isOver = true
    if (this.#running.size === 0) return
    this.#failure ??= new Error('a call of this transaction was not awaited')
    await Promise.allSettled(this.#running)
  }

  /** @throws the first failure of a call. */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}

export function statementOf({ sql, parameters }: CompiledQuery): Statement {
  return { sql, parameters: parameters as readonly SqlValue[] }
}

/**
 * A query that was compiled once, with other values; for the hot ones, where compiling takes longer
 * than running.
 * @param parameters in the order in which they stand in the query.
 */
export function bind<R>(
  query: CompiledQuery<R>,
  parameters: readonly SqlValue[],
): CompiledQuery<R> {
  return { ...query, parameters }
}
