/**
 * What has to be done now and then: batches to the store, schedules, sweeps. Driven by `tick`; a
 * task never overlaps itself, and one that fails is tried again when it is due next.
 */
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { Outage } from '../ports/outage.ts'

export interface UpkeepTask {
  /** For the log. */
  readonly name: string
  readonly everyMs: number
  run(): Promise<void>
  /** In place of the last `run` at the end, where more has to be written then. */
  finish?(): Promise<void>
}

export class Upkeep {
  readonly #tasks: readonly UpkeepTask[]
  readonly #ports: { readonly clock: Clock; readonly log: Log }
  readonly #dueAtMs = new Map<UpkeepTask, number>()
  readonly #running = new Map<UpkeepTask, Promise<void>>()

  constructor(tasks: readonly UpkeepTask[], ports: { readonly clock: Clock; readonly log: Log }) {
    this.#tasks = tasks
    this.#ports = ports
    const nowMs = ports.clock.monotonicMs()
    for (const task of tasks) this.#dueAtMs.set(task, nowMs + task.everyMs)
  }

  /** Starts what is due. */
  tick(): void {
    const nowMs = this.#ports.clock.monotonicMs()
    for (const task of this.#tasks) {
      if (nowMs < (this.#dueAtMs.get(task) ?? 0) || this.#running.has(task)) continue
      this.#dueAtMs.set(task, nowMs + task.everyMs)
      void this.#start(task)
    }
  }

  /** Waits for what runs, then runs every task once more: nothing that waits is left behind. */
  async finish(): Promise<void> {
    await Promise.all(this.#running.values())
    for (const task of this.#tasks) {
      await this.#start({ ...task, run: () => task.finish?.() ?? task.run() })
    }
  }

  async #start(task: UpkeepTask): Promise<void> {
    const run = this.#run(task)
    this.#running.set(task, run)
    await run
    this.#running.delete(task)
  }

  async #run(task: UpkeepTask): Promise<void> {
    try {
      await task.run()
    } catch (error) {
      const kind = error instanceof Outage ? 'upkeep_outage' : 'upkeep_bug'
      this.#ports.log.error(kind, error, { task: task.name })
    }
  }
}
