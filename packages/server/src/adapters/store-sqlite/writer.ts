/**
 * The order in which work reaches one database. Jobs run one at a time, in call order; those that
 * wait together share one commit, and a lone one is committed at once. Every bound has a name.
 */
import type { Connection } from './connection.ts'
import { storeOutage } from './failures.ts'
import { Group } from './group.ts'
import type { Statement } from './worker-channel.ts'
import type { StatementAnswer } from './worker-protocol.ts'

/** Our bound on jobs that wait for their turn. */
export const JOB_QUEUE_MAX = 10_000
/** Our bound on jobs in one commit: the first waits for the last. */
export const GROUP_JOB_COUNT_MAX = 256
/** Our bound on statements in one commit, which bounds the journal it writes. */
export const GROUP_STATEMENT_COUNT_MAX = 4_096

/** What a caller gets once the commit that holds its job is over. */
interface Settlement {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Talks with the database for as long as its caller's work takes. */
interface Dialogue {
  readonly kind: 'dialogue'
  /** @returns what to do after the commit. @throws what fails this job alone. */
  readonly run: (group: Group) => Promise<() => void>
  readonly reject: (error: unknown) => void
}

/** Statements that are known beforehand, so any number of steps is one message. */
interface Step {
  readonly kind: 'step'
  readonly statements: readonly Statement[]
  readonly resolve: (answers: readonly StatementAnswer[]) => void
  readonly reject: (error: unknown) => void
}

export class Writer {
  readonly #connection: Connection
  readonly #jobCountMax: number
  #waiting: (Dialogue | Step)[] = []
  /** Settles when nothing waits any more; never rejects. */
  #draining: Promise<void> | undefined
  /** Why nothing can be written until the next start. */
  #death: unknown

  /** @param jobCountMax of one commit, from 1. */
  constructor(connection: Connection, jobCountMax = GROUP_JOB_COUNT_MAX) {
    this.#connection = connection
    this.#jobCountMax = jobCountMax
  }

  /**
   * Runs `work` atomically and in its turn.
   * @throws Outage, or what `work` throws.
   */
  runDialogue<R>(work: (group: Group) => Promise<R>): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>()
    const run = async (group: Group) => {
      const result = await work(group)
      return () => resolve(result)
    }
    this.#enqueue({ kind: 'dialogue', run, reject })
    return promise
  }

  /** Runs statements atomically and in their turn, together with other steps. */
  runStep(statements: readonly Statement[]): Promise<readonly StatementAnswer[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly StatementAnswer[]>()
    this.#enqueue({ kind: 'step', statements, resolve, reject })
    return promise
  }

  /** Resolves when nothing waits and nothing runs. */
  async drained(): Promise<void> {
    await this.#draining
  }

  #enqueue(job: Dialogue | Step): void {
    if (this.#death !== undefined) job.reject(this.#death)
    else if (this.#waiting.length >= JOB_QUEUE_MAX)
      job.reject(this.#outage('too many transactions are waiting'))
    else {
      this.#waiting.push(job)
      this.#draining ??= this.#drain()
    }
  }

  async #drain(): Promise<void> {
    do {
      await nextTurn() // whoever else calls in this turn of the event loop comes along
      await this.#commitGroup()
    } while (this.#waiting.length > 0)
    this.#draining = undefined
  }

  async #commitGroup(): Promise<void> {
    const group = new Group(this.#connection, this.#jobCountMax)
    const settlements: Settlement[] = []
    try {
      while (this.#hasRoom(group, settlements.length)) {
        const steps = this.#takeSteps(this.#jobCountMax - settlements.length)
        if (steps.length > 0) settlements.push(...(await this.#runSteps(group, steps)))
        else settlements.push(...(await this.#runDialogue(group)))
      }
      await group.commit()
    } catch (error) {
      await this.#giveUp(group, { settlements, error })
      return
    }
    for (const { resolve } of settlements) resolve()
  }

  #hasRoom(group: Group, jobCount: number): boolean {
    return (
      this.#waiting.length > 0 &&
      group.outage === undefined &&
      !group.isOver &&
      jobCount < this.#jobCountMax &&
      group.statementCount < GROUP_STATEMENT_COUNT_MAX
    )
  }

  /** @returns the steps that come before the next dialogue. */
  #takeSteps(countMax: number): Step[] {
    const steps: Step[] = []
    for (const job of this.#waiting) {
      if (job.kind !== 'step' || steps.length === countMax) break
      steps.push(job)
    }
    this.#waiting.splice(0, steps.length)
    return steps
  }

  async #runDialogue(group: Group): Promise<Settlement[]> {
    const job = this.#waiting.shift()
    if (job?.kind !== 'dialogue') return []
    group.enterJob()
    try {
      const resolve = await job.run(group)
      group.keepJob()
      return [{ resolve, reject: job.reject }]
    } catch (error) {
      // After an outage its caller is told with everybody else: told now, it would ask again at
      // once and be refused with those that waited for this very failure.
      if (group.outage !== undefined) return [{ resolve: () => {}, reject: job.reject }]
      group.undoJob()
      job.reject(error)
      return []
    }
  }

  /** All steps as one job; only where one of them fails, each as its own. */
  async #runSteps(group: Group, steps: readonly Step[]): Promise<Settlement[]> {
    const statements = steps.flatMap((step) => step.statements)
    group.enterJob()
    try {
      const isAlone = this.#waiting.length === 0
      const answers = isAlone ? await group.runAndCommit(statements) : await group.run(statements)
      if (!isAlone) group.keepJob()
      let start = 0
      return steps.map((step) => {
        const own = answers.slice(start, start + step.statements.length)
        start += step.statements.length
        return { resolve: () => step.resolve(own), reject: step.reject }
      })
    } catch (error) {
      // Which of the steps failed shows when each runs as its own.
      if (group.outage !== undefined) {
        return steps.map(({ reject }) => ({ resolve: () => {}, reject }))
      }
      group.undoJob()
      if (group.isOver) {
        for (const { reject } of steps) reject(error)
        return []
      }
    }
    return this.#runStepsApart(group, steps)
  }

  async #runStepsApart(group: Group, steps: readonly Step[]): Promise<Settlement[]> {
    const settlements: Settlement[] = []
    for (const { statements, resolve, reject } of steps) {
      group.enterJob()
      try {
        const answers = await group.run(statements)
        group.keepJob()
        settlements.push({ resolve: () => resolve(answers), reject })
      } catch (error) {
        group.undoJob()
        reject(error)
      }
    }
    return settlements
  }

  /** Nothing of the group stands; where its beginning failed, nobody else would fare better. */
  async #giveUp(
    group: Group,
    {
      settlements,
      error,
    }: { readonly settlements: readonly Settlement[]; readonly error: unknown },
  ): Promise<void> {
    try {
      await group.rollback()
    } catch (reason) {
      this.#death = reason
    }
    const isHopeless = !group.hasBegun || this.#death !== undefined
    const waiting = isHopeless ? this.#waiting.splice(0) : []
    for (const { reject } of [...settlements, ...waiting]) reject(error)
  }

  #outage(reason: string) {
    return storeOutage('store_unavailable', this.#connection.dataDir, reason)
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
