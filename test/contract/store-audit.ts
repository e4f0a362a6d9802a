/** The part of the store contract that the audit rests on. */
import { expect, test } from 'bun:test'
import { Conflict } from '../../packages/server/src/ports/store.ts'
import type { StoreBench } from './store-bench.ts'

function rowOf(seq: number, tenantId = 'tenant') {
  return {
    tenantId,
    seq,
    atMs: seq,
    entry: `{"n":${seq}}`,
    hash: `hash ${seq}`,
    seal: `seal ${seq}`,
  }
}

function headOf(seq: number, tenantId = 'tenant') {
  return { tenantId, seq, hash: `hash ${seq}`, seal: `head ${seq}` }
}

/** @returns the rule a promise was refused for; what else it threw; undefined for nothing. */
export async function ruleOf(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof Conflict ? error.rule : error
}

export function testAudit(bench: StoreBench): void {
  test('rows follow their head without gaps, by tenant', async () => {
    await bench.store.control.transaction(async (transaction) => {
      await transaction.appendAudit([rowOf(1), rowOf(2)], headOf(2))
      await transaction.appendAudit([rowOf(3)], headOf(3))
      await transaction.appendAudit([rowOf(1, 'other')], headOf(1, 'other'))
      expect(await transaction.findAuditHead('tenant')).toEqual(headOf(3))
      expect(await transaction.listAuditHeads()).toEqual([headOf(1, 'other'), headOf(3)])
      const page = { tenantId: 'tenant', afterSeq: 1, countMax: 1 }
      expect(await transaction.listAudit(page)).toEqual([rowOf(2)])
    })
  })

  test('rows that do not follow the head are refused, and nothing of them stays', async () => {
    const append = (seq: number) =>
      bench.store.control.transaction((each) => each.appendAudit([rowOf(seq)], headOf(seq)))
    expect(await ruleOf(append(2))).toBe('stale_revision')
    await append(1)
    expect(await ruleOf(append(1))).toBe('stale_revision')
    expect(await bench.store.control.transaction((each) => each.findAuditHead('tenant'))).toEqual(
      headOf(1),
    )
  })

  testCheckpoints(bench)
}

function testCheckpoints(bench: StoreBench): void {
  const checkpointOf = (seq: number, tenantId = 'tenant') => {
    return { tenantId, seq, atMs: seq, body: `body ${seq}`, signature: 'signature', keyId: 'key' }
  }

  test('checkpoints are kept in order by tenant, once each', async () => {
    const { control } = bench.store
    await control.transaction(async (transaction) => {
      for (const seq of [1, 2, 3]) await transaction.appendCheckpoint(checkpointOf(seq))
      await transaction.appendCheckpoint(checkpointOf(1, 'other'))
      expect(await transaction.findCheckpoint('tenant')).toEqual(checkpointOf(3))
      expect(await transaction.findCheckpoint('nobody')).toBeUndefined()
      expect(await transaction.listCheckpointTenants()).toEqual(['other', 'tenant'])
      const page = { tenantId: 'tenant', afterSeq: 1, countMax: 1 }
      expect(await transaction.listCheckpoints(page)).toEqual([checkpointOf(2)])
    })
    const again = control.transaction((each) => each.appendCheckpoint(checkpointOf(3)))
    expect(await ruleOf(again)).toBe('stale_revision')
  })

  test('what a witness has is kept by witness and tenant', async () => {
    await bench.store.control.transaction(async (transaction) => {
      await transaction.saveWitnessed({ witness: 'file', tenantId: 'b', seq: 1 })
      await transaction.saveWitnessed({ witness: 'file', tenantId: 'a', seq: 1 })
      await transaction.saveWitnessed({ witness: 'file', tenantId: 'b', seq: 7 })
      await transaction.saveWitnessed({ witness: 'http', tenantId: 'b', seq: 2 })
      expect(await transaction.listWitnessed('file')).toEqual([
        { witness: 'file', tenantId: 'a', seq: 1 },
        { witness: 'file', tenantId: 'b', seq: 7 },
      ])
      expect(await transaction.listWitnessed('none')).toEqual([])
    })
  })
}
