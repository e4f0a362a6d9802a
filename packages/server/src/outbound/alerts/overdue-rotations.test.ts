import { expect, test } from 'bun:test'
import { CALLER, openCoreWorld } from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { LOOKED_AT_COUNT_MAX, OverdueRotations } from './overdue-rotations.ts'

const DAY_MS = 86_400_000

test('a rotation is overdue a day after it was due, and no more once it is done', async () => {
  const world = await openCoreWorld()
  await declareTenant(world)
  const { core, time } = world
  const attributes = {}
  const policy = { maxAgeDays: 40 }
  const place = { tenantId: TENANT_ID, appId: 'app', kind: 'api_key', name: 'old' } as const
  const made = await core.changes.create({ ...place, attributes, policy }, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  const clock = { nowMs: () => time.ms }
  const overdue = new OverdueRotations({ authority: core.authority, clock })
  time.ms += 40 * DAY_MS
  expect(overdue.step()).toEqual([])
  time.ms += DAY_MS
  expect(overdue.step()).toEqual([{ tenantId: TENANT_ID, appId: 'app' }])
  const { id: credentialId } = made.value.credential
  const rotated = await core.changes.rotate({ credentialId, overlapMs: 0 }, CALLER)
  expect(rotated.ok).toBe(true)
  expect(overdue.step()).toEqual([])
})

test('one step looks at so many and no more; the answer comes at the end of a round', () => {
  let lookedAtCount = 0
  const record = { policy: {}, versions: [] } as unknown as CredentialRecord
  function* credentials() {
    for (let count = 0; count < LOOKED_AT_COUNT_MAX * 2 + 1; count++) {
      lookedAtCount++
      yield record
    }
  }
  const overdue = new OverdueRotations({ authority: { credentials }, clock: { nowMs: () => 0 } })
  expect(overdue.step()).toBeUndefined()
  expect(lookedAtCount).toBe(LOOKED_AT_COUNT_MAX)
  expect([overdue.step(), overdue.step()]).toEqual([undefined, []])
})
