/** Clocks that jump, and sweepers that stop: nothing that ended comes back, nothing lives longer. */
import { beforeEach, expect, test } from 'bun:test'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import { Bearers } from '../bearers.ts'

const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS

let world: CoreWorld
beforeEach(async () => {
  world = await openCoreWorld()
  await declareTenant(world)
})

async function makeKey(expiresAtMs?: number) {
  const owner = { tenantId: TENANT_ID, appId: 'app', kind: 'api_key' as const }
  const request = { ...owner, name: 'key', attributes: {}, expiresAtMs }
  const made = await world.core.changes.create(request, CALLER)
  if (!made.ok) throw new Error(made.refusal)
  return { id: made.value.credential.id, value: made.value.value ?? '' }
}

async function rotate(credentialId: string, overlapMs: number): Promise<string> {
  const rotated = await world.core.changes.rotate({ credentialId, overlapMs }, CALLER)
  if (!rotated.ok) throw new Error(rotated.refusal)
  return rotated.value.value ?? ''
}

async function isLetIn(value: string, of = world): Promise<boolean> {
  const { authority, check, recordUse, recordDenial, administration } = of.core
  const deps = { apps: authority.apps, check, recordUse, recordDenial, doors: [] }
  const bearers = new Bearers({ ...deps, clock: administration.clock })
  return (await bearers.authenticate(value, CALLER.source)).ok
}

/** Another process over the same store: nothing that was only in memory is left. */
const restarted = async (ms: number) => {
  const next = await openCoreWorld({ store: world.store, keyText: world.keyText() })
  next.time.ms = ms
  await next.core.deadlines.start()
  return next
}

test('an overlap ends when it is read, though no sweeper and no schedule ever runs', async () => {
  const { id, value } = await makeKey()
  const next = await rotate(id, HOUR_MS)
  world.time.ms += HOUR_MS - 1
  expect([await isLetIn(value), await isLetIn(next)]).toEqual([true, true])
  world.time.ms += 1
  expect([await isLetIn(value), await isLetIn(next)]).toEqual([false, true])
})

test('a clock that is set back after an end was seen lets nothing in again', async () => {
  const startMs = world.time.ms
  const { id, value } = await makeKey()
  const next = await rotate(id, HOUR_MS)
  const short = await makeKey(startMs + HOUR_MS)
  world.time.ms += HOUR_MS
  await world.core.deadlines.check()
  for (const backMs of [startMs, startMs - YEAR_MS]) {
    world.time.ms = backMs
    expect(await isLetIn(value)).toBe(false)
    expect(await isLetIn(short.value)).toBe(false)
    expect(await isLetIn(next)).toBe(true)
    // Nor in a process that was started under the wrong clock.
    const other = await restarted(backMs)
    expect(await isLetIn(value, other)).toBe(false)
    expect(await isLetIn(short.value, other)).toBe(false)
  }
})

test('a clock that jumps forward ends overlaps and no current version', async () => {
  const { id, value } = await makeKey()
  const next = await rotate(id, HOUR_MS)
  world.time.ms += 20 * YEAR_MS
  await world.core.deadlines.check()
  await world.core.schedule.run()
  expect([await isLetIn(value), await isLetIn(next)]).toEqual([false, true])
  // Set right again: what ended under the wrong clock stays ended, and the rest goes on.
  world.time.ms -= 20 * YEAR_MS
  expect([await isLetIn(value), await isLetIn(next)]).toEqual([false, true])
  const last = await rotate(id, HOUR_MS)
  expect([await isLetIn(next), await isLetIn(last)]).toEqual([true, true])
})

test('an overlap that ended while nothing ran is written down before anything is let in', async () => {
  const { id, value } = await makeKey()
  await rotate(id, HOUR_MS)
  const startMs = world.time.ms
  const later = await restarted(startMs + HOUR_MS)
  later.time.ms = startMs
  expect(await isLetIn(value, later)).toBe(false)
  const stored = later.core.authority.findCredential(id)
  expect(stored?.versions.map(({ state }) => state)).toEqual(['disabled', 'current'])
})

test('a value that waits is not given out after its end, also by a clock set back', async () => {
  const { id } = await makeKey()
  const waitsUntilMs = world.time.ms + HOUR_MS
  const staged = await world.core.changes.stage({ credentialId: id, waitsUntilMs }, CALLER)
  if (!staged.ok) throw new Error(staged.refusal)
  world.time.ms += HOUR_MS
  await world.core.deadlines.check()
  world.time.ms -= HOUR_MS
  const place = { credentialId: id, versionId: staged.value.versionId }
  const fetched = await world.core.deliveries.fetch(place, CALLER)
  expect(fetched).toMatchObject({ ok: false, refusal: 'fetch_expired' })
})
