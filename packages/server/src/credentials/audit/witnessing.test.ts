import { beforeEach, describe, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { Outage } from '../../ports/outage.ts'
import type { AuditCheckpoint } from '../../ports/records/audit.ts'
import { type Witness, WITNESS_BATCH_COUNT_MAX } from '../../ports/witness.ts'
import { RETRY_FIRST_MS, RETRY_MS_MAX } from './witnessing.ts'

/** A witness in memory that can be out, before or after it took something. */
class RecordingWitness implements Witness {
  readonly name = 'memory'
  readonly kept: AuditCheckpoint[] = []
  callCount = 0
  outage: 'none' | 'before' | 'after' = 'none'

  async attest(checkpoints: readonly AuditCheckpoint[]): Promise<void> {
    this.callCount++
    expect(checkpoints.length).toBeLessThanOrEqual(WITNESS_BATCH_COUNT_MAX)
    if (this.outage !== 'before') this.kept.push(...checkpoints)
    if (this.outage !== 'none') {
      throw new Outage('witness_unavailable', 'it is out', { port: 'witness' })
    }
  }
}

let world: CoreWorld
let witness: RecordingWitness
beforeEach(async () => {
  witness = new RecordingWitness()
  world = await openCoreWorld({ witnesses: [witness] })
})

function witnessing() {
  const [found] = world.core.witnessings
  if (found === undefined) throw new Error('no witness')
  return found
}

/** Appends a row for each tenant and signs. */
async function checkpoint(...tenantIds: readonly string[]): Promise<void> {
  for (const tenantId of tenantIds) {
    await world.store.control.transaction((transaction) =>
      world.core.audit.record(
        { code: 'control', transaction },
        {
          ...CALLER,
          tenantId,
          action: 'tenant.updated',
          target: { kind: 'tenant', id: tenantId },
          outcome: 'success',
        },
      ),
    )
  }
  await world.core.checkpoints.make()
}

const isOut = async (step: Promise<void>) => {
  const failure: unknown = await step.then(
    () => undefined,
    (error: unknown) => error,
  )
  return failure instanceof Outage
}
const seqsOf = (tenantId: string) =>
  witness.kept.filter((each) => each.tenantId === tenantId).map(({ seq }) => seq)

describe('a witness', () => {
  test('gets every checkpoint of every tenant once, in order', async () => {
    await checkpoint('a', 'b')
    await witnessing().run()
    await checkpoint('a')
    await witnessing().run()
    await witnessing().run()
    expect([seqsOf('a'), seqsOf('b')]).toEqual([[1, 2], [1]])
    expect(witness.callCount).toBe(2)
  })

  test('that is out gets everything later, and is not asked at every turn', async () => {
    witness.outage = 'before'
    await checkpoint('a')
    expect(await isOut(witnessing().run())).toBe(true)
    await checkpoint('a')
    await witnessing().run()
    expect(witness.callCount).toBe(1)
    world.time.ms += RETRY_FIRST_MS
    expect(await isOut(witnessing().run())).toBe(true)
    world.time.ms += RETRY_FIRST_MS
    await witnessing().run() // the pause has doubled
    expect(witness.callCount).toBe(2)
    witness.outage = 'none'
    world.time.ms += RETRY_FIRST_MS
    await witnessing().run()
    expect(seqsOf('a')).toEqual([1, 2])
  })

  test('is tried again at least every few minutes, however long it was out', async () => {
    witness.outage = 'before'
    await checkpoint('a')
    for (let count = 0; count < 30; count++) {
      expect(await isOut(witnessing().run())).toBe(true)
      world.time.ms += RETRY_MS_MAX
    }
    expect(witness.callCount).toBe(30)
  })

  test('whose answer was lost gets the same again', async () => {
    witness.outage = 'after'
    await checkpoint('a')
    expect(await isOut(witnessing().run())).toBe(true)
    witness.outage = 'none'
    await witnessing().finish() // at the end nobody waits
    expect(seqsOf('a')).toEqual([1, 1])
  })

  test('gets after a restart what it does not have, and nothing else', async () => {
    await checkpoint('a')
    await witnessing().run()
    await checkpoint('a')
    await checkpoint('a', 'b')
    const { store, keyText } = world
    world = await openCoreWorld({ store, keyText: keyText(), witnesses: [witness] })
    await world.core.checkpoints.make()
    await witnessing().run()
    expect([seqsOf('a'), seqsOf('b')]).toEqual([[1, 2, 3], [1]])
  })

  test('that is new gets all that was ever signed, in batches', async () => {
    const count = WITNESS_BATCH_COUNT_MAX + 5
    for (let each = 0; each < count; each++) await checkpoint('a')
    await witnessing().run()
    expect(seqsOf('a')).toEqual(Array.from({ length: count }, (_, at) => at + 1))
    expect(witness.callCount).toBe(2)
  })
})
