import { expect, test } from 'bun:test'
import { nothingInMemory } from '../../../../test/support/administered-parts.ts'
import { CALLER, openCoreWorld } from '../../../../test/support/credential-core.ts'
import { openAdministration } from '../assembly/administration.ts'
import { AppLimitBook } from './app-limits.ts'
import { operatorHolds } from './operators.ts'

async function openOperator() {
  const { core, time } = await openCoreWorld()
  const config = { mode: 'development' as const, outbound: { allowedNetworks: [] } }
  const parts = nothingInMemory(new AppLimitBook([]))
  const { operatorChanges } = openAdministration(core, config, parts)
  const create = async (name: string) => {
    const nothing = { tenantId: undefined, expiresAtMs: undefined }
    const made = await operatorChanges.create({ name, role: 'owner', ...nothing }, CALLER)
    if (!made.ok) throw new Error(made.refusal)
    return made.value
  }
  await create('one that stays')
  const { credential, versionId } = await create('one that goes')
  const { tenants } = core.authority
  const principal = {
    credentialId: credential.id,
    versionId,
    name: credential.name,
    role: 'owner',
    tenantId: undefined,
  } as const
  const clock = { nowMs: () => time.ms, monotonicMs: () => time.ms }
  const holds = (more: object = {}) => operatorHolds({ ...principal, ...more }, { tenants, clock })
  return { core, time, principal, holds, operatorChanges }
}

test('a key holds until it is revoked, for its own tenant and role only', async () => {
  const { principal, holds, operatorChanges } = await openOperator()
  expect(holds()).toBe(true)
  for (const other of [{ role: 'viewer' }, { tenantId: 't' }, { versionId: 'x' }]) {
    expect(holds(other)).toBe(false)
  }
  const { credentialId } = principal
  const revoked = await operatorChanges.revoke({ credentialId, reason: 'left' }, CALLER)
  expect(revoked.ok).toBe(true)
  expect(holds()).toBe(false)
})

test('an older version holds as long as its overlap, by the clock alone', async () => {
  const { core, time, principal, holds } = await openOperator()
  const { credentialId } = principal
  await core.changes.rotate({ credentialId, overlapMs: 60_000 }, CALLER)
  expect(holds()).toBe(true)
  time.ms += 60_000
  expect(holds()).toBe(false)
})
