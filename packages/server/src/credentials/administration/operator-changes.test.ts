import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import type { Role } from '../../ports/records/tenant.ts'
import { authenticateOperator, type OperatorDeps } from '../operators.ts'

let world: AdministrationWorld
beforeEach(async () => {
  world = await AdministrationWorld.open()
})

async function make(role: Role, tenantId?: string, expiresAtMs?: number) {
  const request = { name: role, role, tenantId, expiresAtMs }
  const made = await world.done(world.operators.create(request, CALLER))
  return { id: made.credential.id, value: made.value ?? '' }
}

function enter(value: string) {
  const { authority, check, uses, recordDenial } = world.core
  const { tenants } = authority
  const clock = { nowMs: () => world.time.ms, monotonicMs: () => world.time.ms }
  const deps: OperatorDeps = {
    tenants,
    check,
    uses,
    clock,
    control: world.store.control,
    recordDenial,
  }
  return authenticateOperator(value, CALLER.source, deps)
}

const reason = 'left the company'

test('a key opens the door with the role and tenant it was made for, until it ends', async () => {
  const tenantId = await world.tenant()
  const key = await make('developer', tenantId)
  expect(await enter(key.value)).toMatchObject({ ok: true, value: { role: 'developer', tenantId } })
  await world.done(world.operators.revoke({ credentialId: key.id, reason }, CALLER))
  expect(await enter(key.value)).toMatchObject({ ok: false, refusal: 'credential_invalid' })
})

test('a key opens the door until its own end', async () => {
  const key = await make('viewer', undefined, world.time.ms + 1_000)
  expect(await enter(key.value)).toMatchObject({ ok: true })
  world.time.ms += 1_000
  expect(await enter(key.value)).toMatchObject({ ok: false })
  const late = { name: 'x', role: 'viewer', tenantId: undefined } as const
  const refused = world.operators.create({ ...late, expiresAtMs: world.time.ms }, CALLER)
  expect(await refused).toMatchObject({ ok: false, refusal: 'input_invalid' })
})

describe('the last owner of the installation', () => {
  const refused = { ok: false, refusal: 'last_owner' }

  test('cannot be ended, by whatever operation', async () => {
    const owner = await make('owner')
    await make('admin')
    await make('owner', await world.tenant())
    const { id: credentialId } = owner
    const { changes, authority } = world.core
    expect(await world.operators.revoke({ credentialId, reason }, CALLER)).toMatchObject(refused)
    expect(await changes.revoke({ credentialId, reason }, CALLER)).toMatchObject(refused)
    const versionId = authority.findCredential(credentialId)?.versions[0]?.id ?? ''
    const version = changes.revoke({ credentialId, versionId, reason }, CALLER)
    expect(await version).toMatchObject(refused)
    expect(await enter(owner.value)).toMatchObject({ ok: true })
  })

  test('can rotate, and can go once there is another', async () => {
    const owner = await make('owner')
    const { id: credentialId } = owner
    const rotated = await world.done(
      world.core.changes.rotate({ credentialId, overlapMs: 0 }, CALLER),
    )
    expect(await enter(owner.value)).toMatchObject({ ok: false })
    expect(await enter(rotated.value ?? '')).toMatchObject({ ok: true })
    await make('owner')
    await world.done(world.operators.revoke({ credentialId, reason }, CALLER))
  })

  test('is kept when two owners end each other at once', async () => {
    const keys = [await make('owner'), await make('owner')]
    const outcomes = await Promise.all(
      keys.map(({ id }) => world.operators.revoke({ credentialId: id, reason }, CALLER)),
    )
    expect(outcomes.filter(({ ok }) => ok).length).toBe(1)
  })

  test('does not count one whose time is over', async () => {
    const owner = await make('owner')
    await make('owner', undefined, world.time.ms + 1_000)
    world.time.ms += 1_000
    const request = { credentialId: owner.id, reason }
    expect(await world.operators.revoke(request, CALLER)).toMatchObject(refused)
  })
})

test('only operator keys are found, and only tenants that are there get one', async () => {
  const tenantId = await world.tenant()
  const signing = world.core.authority.tenants.find(tenantId)?.credentials[0]?.record.id ?? ''
  const missing = { ok: false, refusal: 'not_found' }
  expect(await world.operators.revoke({ credentialId: signing, reason }, CALLER)).toMatchObject(
    missing,
  )
  const nobody = { name: 'x', role: 'viewer', tenantId: 'none', expiresAtMs: undefined } as const
  expect(await world.operators.create(nobody, CALLER)).toMatchObject(missing)
})
