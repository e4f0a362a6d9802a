/**
 * Writes what became of deliveries, all that wait in one commit of each region. What cannot be
 * written now is written later: until then it counts as held, so it is bounded with that.
 */
import type { DeliveryOutcome, DeliveryQueue } from '../../ports/delivery-queue.ts'
import type { Log } from '../../ports/log.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import type { Lane } from './lane.ts'

/** Our bound on outcomes in one commit. */
const BATCH_COUNT_MAX = 1_000
/** Our bound on dead letters of one endpoint; the oldest go. */
export const DEAD_COUNT_MAX = 1_000

export interface Finished {
  readonly lane: Lane
  readonly delivery: WebhookDeliveryRecord
  readonly outcome: DeliveryOutcome
}

export interface OutcomeWriterDeps {
  readonly regions: ReadonlyMap<string, Pick<DeliveryQueue, 'finishDeliveries'>>
  readonly log: Log
  /** Called once each is durable. @param droppedCount dead letters that had to go. */
  readonly written: (finished: readonly Finished[], droppedCount: number) => void
}

export class OutcomeWriter {
  readonly #deps: OutcomeWriterDeps
  readonly #waiting = new Map<string, Finished[]>()
  readonly #running = new Map<string, Promise<void>>()

  constructor(deps: OutcomeWriterDeps) {
    this.#deps = deps
  }

  add(finished: Finished): void {
    const { region } = finished.lane
    const waiting = this.#waiting.get(region)
    if (waiting === undefined) this.#waiting.set(region, [finished])
    else waiting.push(finished)
    this.#start(region)
  }

  /** Tries again what could not be written. */
  tick(): void {
    for (const [region, waiting] of this.#waiting) if (waiting.length > 0) this.#start(region)
  }

  /** Resolves when everything was written, or could not be. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  #start(region: string): void {
    if (this.#running.has(region)) return
    const run = this.#run(region).finally(() => this.#running.delete(region))
    this.#running.set(region, run)
  }

  async #run(region: string): Promise<void> {
    const waiting = this.#waiting.get(region) ?? []
    while (waiting.length > 0) {
      await Promise.resolve() // what ends in this turn comes along
      const batch = waiting.slice(0, BATCH_COUNT_MAX)
      if (!(await this.#write(region, batch))) return
      waiting.splice(0, batch.length)
    }
  }

  async #write(region: string, batch: readonly Finished[]): Promise<boolean> {
    const dead = batch.filter(({ outcome }) => outcome.kind === 'dead')
    const places = [...new Set(dead.map(({ lane }) => lane))].map(({ place }) => place)
    const outcomes = batch.map(({ outcome }) => outcome)
    try {
      const queue = this.#deps.regions.get(region)
      const bound = { places, deadCountMax: DEAD_COUNT_MAX }
      const droppedCount = await queue?.finishDeliveries(outcomes, bound)
      this.#deps.written(batch, droppedCount ?? 0)
      return true
    } catch (error) {
      this.#deps.log.error('webhook_outcomes_not_written', error, { count: batch.length, region })
      return false
    }
  }
}
