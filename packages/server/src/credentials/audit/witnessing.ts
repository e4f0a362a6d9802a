/**
 * Gives the signed checkpoints to one witness, in order and each at least once. What it has is
 * remembered in the control database, so an outage of any length and a restart lose nothing; the
 * checkpoints themselves are kept by the store. Work per run, waiting and memory are bounded.
 */
import type { Clock } from '../../ports/clock.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import type { Store } from '../../ports/store.ts'
import { type Witness, WITNESS_BATCH_COUNT_MAX } from '../../ports/witness.ts'
import type { Checkpoints } from './checkpoints.ts'

/** Our bounds: batches of one run, and the wait after failures, which doubles. */
const RUN_BATCH_COUNT_MAX = 10
export const RETRY_FIRST_MS = 5_000
export const RETRY_MS_MAX = 300_000

interface WitnessingDeps {
  readonly witness: Witness
  readonly checkpoints: Checkpoints
  readonly store: Store
  readonly clock: Clock
}

export class Witnessing {
  readonly #deps: WitnessingDeps
  /** The `seq` it has, by tenant; undefined until it was read. */
  #attested: Map<string, number> | undefined
  #failureCount = 0
  #notBeforeMs = 0

  constructor(deps: WitnessingDeps) {
    this.#deps = deps
  }

  get name(): string {
    return this.#deps.witness.name
  }

  /** @returns how many checkpoints it does not have yet; undefined before that is known. */
  behindCount(): number | undefined {
    const { checkpoints } = this.#deps
    if (this.#attested === undefined || !checkpoints.isComplete) return undefined
    let count = 0
    for (const [tenantId, { seq }] of checkpoints.latest()) {
      count += Math.max(0, seq - (this.#attested.get(tenantId) ?? 0))
    }
    return count
  }

  /** @throws Outage of the witness or the store; then it waits before it tries again. */
  async run(): Promise<void> {
    if (this.#deps.clock.monotonicMs() < this.#notBeforeMs) return
    await this.finish()
  }

  /** As {@link run}, without waiting for the end of a pause. @throws Outage */
  async finish(): Promise<void> {
    try {
      for (let count = 0; count < RUN_BATCH_COUNT_MAX; count++) {
        const batch = await this.#nextBatch()
        if (batch.length === 0) break
        await this.#deps.witness.attest(batch)
        await this.#remember(batch)
      }
      this.#failureCount = 0
      this.#notBeforeMs = 0
    } catch (error) {
      const waitMs = Math.min(RETRY_FIRST_MS * 2 ** this.#failureCount, RETRY_MS_MAX)
      this.#failureCount++
      this.#notBeforeMs = this.#deps.clock.monotonicMs() + waitMs
      throw error
    }
  }

  async #nextBatch(): Promise<readonly AuditCheckpoint[]> {
    const attested = await this.#read()
    const batch: AuditCheckpoint[] = []
    for (const [tenantId, { seq }] of this.#deps.checkpoints.latest()) {
      const afterSeq = attested.get(tenantId) ?? 0
      const countMax = WITNESS_BATCH_COUNT_MAX - batch.length
      if (countMax === 0) break
      if (seq <= afterSeq) continue
      const page = { tenantId, afterSeq, countMax }
      const { control } = this.#deps.store
      batch.push(...(await control.transaction((each) => each.listCheckpoints(page))))
    }
    return batch
  }

  async #read(): Promise<Map<string, number>> {
    const { control } = this.#deps.store
    const { name } = this.#deps.witness
    this.#attested ??= new Map(
      (await control.transaction((each) => each.listWitnessed(name))).map(({ tenantId, seq }) => [
        tenantId,
        seq,
      ]),
    )
    return this.#attested
  }

  async #remember(batch: readonly AuditCheckpoint[]): Promise<void> {
    const last = new Map(batch.map(({ tenantId, seq }) => [tenantId, seq]))
    const { name: witness } = this.#deps.witness
    await this.#deps.store.control.transaction(async (transaction) => {
      for (const [tenantId, seq] of last) {
        await transaction.saveWitnessed({ witness, tenantId, seq })
      }
    })
    const attested = await this.#read()
    for (const [tenantId, seq] of last) attested.set(tenantId, seq)
  }
}
