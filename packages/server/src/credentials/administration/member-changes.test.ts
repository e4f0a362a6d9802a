import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import type { Role } from '../../ports/records/tenant.ts'

let world: AdministrationWorld
let tenantId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
})

const add = (email: string, role: Role, callerRole: Role = 'owner') =>
  world.members.add({ tenantId, callerRole, email, name: email, role }, CALLER)
const asOwner = (memberId: string) => ({ tenantId, callerRole: 'owner' as const, memberId })
const members = () => world.core.authority.tenants.find(tenantId)?.members ?? []

test('a member is known with the role it got, and an address is there once', async () => {
  const made = await world.done(add('Ada@Example.org', 'owner'))
  expect(made).toMatchObject({ email: 'ada@example.org', role: 'owner', tenantId })
  expect(members()).toEqual([made])
  const twin = await add('ADA@example.org', 'viewer')
  expect(twin).toMatchObject({ ok: false, refusal: 'email_taken' })
  expect((await world.actions(tenantId, 'control')).at(-1)).toBe('member.added')
})

test('the same person may be a member of two tenants', async () => {
  await world.done(add('ada@example.org', 'owner'))
  const other = await world.tenant('Other')
  const request = { tenantId: other, callerRole: 'owner' as const, name: 'Ada' }
  const made = world.members.add({ ...request, email: 'ada@example.org', role: 'viewer' }, CALLER)
  expect(await made).toMatchObject({ ok: true })
})

describe('the last owner', () => {
  test('is neither removed nor given another role', async () => {
    const { id } = await world.done(add('ada@example.org', 'owner'))
    await world.done(add('bob@example.org', 'admin'))
    const refused = { ok: false, refusal: 'last_owner' }
    expect(await world.members.remove(asOwner(id), CALLER)).toMatchObject(refused)
    const demoted = world.members.update({ ...asOwner(id), role: 'admin' }, CALLER)
    expect(await demoted).toMatchObject(refused)
    const renamed = world.members.update({ ...asOwner(id), name: 'Ada' }, CALLER)
    expect(await renamed).toMatchObject({ ok: true })
  })

  test('is kept when two owners remove each other at once', async () => {
    const first = await world.done(add('ada@example.org', 'owner'))
    const second = await world.done(add('bob@example.org', 'owner'))
    const outcomes = await Promise.all(
      [first, second].map(({ id }) => world.members.remove(asOwner(id), CALLER)),
    )
    expect(outcomes.filter(({ ok }) => ok).length).toBe(1)
    expect(members().map(({ role }) => role)).toEqual(['owner'])
  })
})

describe('who is no owner', () => {
  test.each(['admin', 'developer', 'auditor', 'viewer'] as const)(
    'neither makes nor changes nor removes one: %s',
    async (callerRole) => {
      const owner = await world.done(add('ada@example.org', 'owner'))
      await world.done(add('eve@example.org', 'owner'))
      const other = await world.done(add('bob@example.org', 'viewer'))
      const refused = { ok: false, refusal: 'role_too_high' }
      expect(await add('mallory@example.org', 'owner', callerRole)).toMatchObject(refused)
      const by = { tenantId, callerRole }
      const raised = { ...by, memberId: other.id, role: 'owner' as const }
      expect(await world.members.update(raised, CALLER)).toMatchObject(refused)
      const lowered = { ...by, memberId: owner.id, role: 'viewer' as const }
      expect(await world.members.update(lowered, CALLER)).toMatchObject(refused)
      const gone = world.members.remove({ ...by, memberId: owner.id }, CALLER)
      expect(await gone).toMatchObject(refused)
      const fine = { ...by, memberId: other.id, role: 'auditor' as const }
      expect(await world.members.update(fine, CALLER)).toMatchObject({ ok: true })
    },
  )
})

test('a member of another tenant is not found', async () => {
  const { id } = await world.done(add('ada@example.org', 'owner'))
  const other = await world.tenant('Other')
  const place = { tenantId: other, callerRole: 'owner' as const, memberId: id }
  const missing = { ok: false, refusal: 'not_found' }
  expect(await world.members.update({ ...place, name: 'x' }, CALLER)).toMatchObject(missing)
  expect(await world.members.remove(place, CALLER)).toMatchObject(missing)
  expect(members().length).toBe(1)
})

test('whatever is asked, a tenant that had an owner has one', async () => {
  const role = fc.constantFrom<Role>('owner', 'admin', 'viewer')
  const step = fc.record({ kind: fc.constantFrom('add', 'update', 'remove'), at: fc.nat(5), role })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      world = await AdministrationWorld.open()
      tenantId = await world.tenant()
      await world.done(add('first@example.org', 'owner'))
      for (const [number, each] of steps.entries()) {
        const memberId = members()[each.at % members().length]?.id ?? ''
        if (each.kind === 'add') await add(`${number}@example.org`, each.role)
        else if (each.kind === 'remove') await world.members.remove(asOwner(memberId), CALLER)
        else await world.members.update({ ...asOwner(memberId), role: each.role }, CALLER)
        expect(members().some((member) => member.role === 'owner')).toBe(true)
      }
    }),
    { numRuns: 30 },
  )
})
