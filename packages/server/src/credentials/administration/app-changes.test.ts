import { beforeEach, describe, expect, test } from 'bun:test'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { Outage } from '../../ports/outage.ts'
import { Conflict } from '../../ports/store.ts'
import type { NewApp } from './app-making.ts'

let world: AdministrationWorld
let tenantId = ''
beforeEach(async () => {
  world = await AdministrationWorld.open()
  tenantId = await world.tenant()
})

const named = (name: string, changes: Partial<NewApp> = {}): NewApp => ({
  tenantId,
  name,
  type: 'confidential',
  plan: 'unlimited',
  allowedDomains: [],
  settings: {},
  ...changes,
})

async function make(name = 'chat', changes: Partial<NewApp> = {}) {
  return world.done(world.apps.create(named(name, changes), CALLER))
}

describe('an app that is made', () => {
  test('is known at once with one signing secret and one client secret', async () => {
    const { loaded, appKey, signingSecret, clientSecret } = await make()
    const { apps } = world.core.authority
    expect(apps.findById(loaded.app.id)).toBe(loaded)
    expect(apps.findByClientId(loaded.app.clientId)).toBe(loaded)
    const entry = apps.findByAppKey(appKey)
    const [secret] = [...(entry?.credential.secrets.values() ?? [])]
    expect(Buffer.from(secret ?? []).toString()).toBe(signingSecret)
    const version = loaded.credentials.find(({ record }) => record.kind === 'client_secret')?.record
      .versions[0]
    const { check } = world.core
    if (clientSecret === undefined || version === undefined) throw new Error('no client secret')
    expect(check.match(clientSecret, [version], world.time.ms)).toMatchObject({
      outcome: 'accepted',
    })
  })

  test('of a public kind has no client secret', async () => {
    const { loaded, clientSecret } = await make('spa', { type: 'public' })
    expect(clientSecret).toBeUndefined()
    expect(loaded.credentials.map(({ record }) => record.kind)).toEqual(['signing_secret'])
  })

  test('has its names confirmed, and its rows say who made what', async () => {
    const { loaded, appKey } = await make('chat', { plan: 'free' })
    expect(await world.names(loaded.app.id)).toEqual([
      `app_id ${loaded.app.id} confirmed`,
      `app_key ${appKey} confirmed`,
      `app_name ${tenantId}/chat confirmed`,
      `client_id ${loaded.app.clientId} confirmed`,
      `free_app ${tenantId} confirmed`,
    ])
    expect(await world.actions(tenantId, 'local')).toEqual([
      'app.created',
      'credential.created',
      'credential.created',
    ])
  })

  test('keeps each allowed domain once, in its normal form', async () => {
    const allowedDomains = ['HTTPS://Example.org/', 'example.org', 'bücher.example:8443']
    const { loaded } = await make('chat', { allowedDomains })
    expect(loaded.app.allowedDomains).toEqual(['example.org', 'xn--bcher-kva.example:8443'])
  })

  test('without a plan gets neither token nor connection', async () => {
    const { loaded } = await make('chat', { plan: undefined })
    expect(world.admitted(loaded.app.id)).toBe('plan_missing')
  })

  test.each([
    ['name_taken', {}],
    ['plan_unknown', { name: 'b', plan: 'gold' }],
    ['region_unknown', { name: 'b', region: 'mars' }],
    ['free_plan_taken', { name: 'b', plan: 'free' }],
    ['not_found', { name: 'b', tenantId: '11111111-1111-4111-8111-111111111111' }],
    ['input_invalid', { name: 'b', settings: { allowedOrigins: ['example.org'] } }],
    ['input_invalid', { name: 'b', settings: { jwtRoles: ['editor pub"lish'] } }],
  ] as const)('is refused with %s, and leaves nothing', async (refusal, changes) => {
    await make('chat', { plan: 'free' })
    const before = await world.everything()
    const refused = await world.apps.create(named('chat', changes), CALLER)
    expect(refused).toMatchObject({ ok: false, refusal })
    expect(await world.everything()).toEqual(before)
  })

  test('in production names its origins, or says that any will do', async () => {
    world = await AdministrationWorld.open({ mode: 'production' })
    tenantId = await world.tenant()
    const open = await world.apps.create(named('chat'), CALLER)
    expect(open).toMatchObject({ ok: false, refusal: 'origins_missing' })
    await make('a', { settings: { allowedOrigins: ['https://example.org'] } })
    await make('b', { settings: { dangerousAnyOrigin: true } })
  })
})

test('of parallel creates of one name exactly one wins', async () => {
  const outcomes = await Promise.all(
    [1, 2, 3, 4].map(() => world.apps.create(named('same'), CALLER)),
  )
  expect(outcomes.filter(({ ok }) => ok).length).toBe(1)
  for (const outcome of outcomes) {
    if (!outcome.ok) expect(outcome.refusal).toBe('name_taken')
  }
})

test('of parallel creates on the plan a tenant has once exactly one wins', async () => {
  const outcomes = await Promise.all(
    ['a', 'b', 'c'].map((name) => world.apps.create(named(name, { plan: 'free' }), CALLER)),
  )
  expect(outcomes.filter(({ ok }) => ok).length).toBe(1)
})

describe('an update', () => {
  test('renames an app, and the old name is free again', async () => {
    const { loaded } = await make()
    const { id: appId } = loaded.app
    const renamed = await world.done(world.apps.update({ appId, name: 'talk' }, CALLER))
    expect(renamed.app.name).toBe('talk')
    const taken = await world.apps.create(named('talk'), CALLER)
    expect(taken).toMatchObject({ ok: false, refusal: 'name_taken' })
    await make('chat')
  })

  test('changes what is named and keeps the rest', async () => {
    const { loaded } = await make('chat', { settings: { watchlist: true } })
    const { id: appId, settings } = loaded.app
    const change = { appId, settings: { cacheTtlMs: 5_000 }, allowedDomains: ['a.example'] }
    const { app } = await world.done(world.apps.update(change, CALLER))
    expect(app.settings).toEqual({ ...settings, cacheTtlMs: 5_000 })
    expect(app.allowedDomains).toEqual(['a.example'])
    expect(world.core.authority.apps.findById(appId)?.app).toEqual(app)
  })

  test('never moves an app to another region', async () => {
    const { loaded } = await make()
    const { id: appId } = loaded.app
    const moved = await world.apps.update({ appId, region: 'mars' }, CALLER)
    expect(moved).toMatchObject({ ok: false, refusal: 'region_immutable' })
    expect(await world.apps.update({ appId, region: 'local' }, CALLER)).toMatchObject({ ok: true })
  })

  test('that runs beside others loses none of them', async () => {
    const { loaded } = await make()
    const { id: appId } = loaded.app
    await Promise.all([
      world.apps.update({ appId, name: 'one' }, CALLER),
      world.apps.update({ appId, allowedDomains: ['a.example'] }, CALLER),
      world.apps.assignPlan({ appId, plan: 'free' }, CALLER),
      world.apps.update({ appId, name: 'two' }, CALLER),
    ])
    const app = world.core.authority.apps.findById(appId)?.app
    expect(app).toMatchObject({ name: 'two', allowedDomains: ['a.example'] })
    expect(app?.subscription?.plan).toBe('free')
    const names = await world.names(appId)
    expect(names).toContain(`app_name ${tenantId}/two confirmed`)
    expect(names.length).toBe(5)
  })
})

describe('a plan', () => {
  test('that is left gives the one place back', async () => {
    const first = await make('a', { plan: 'free' })
    const { id: appId } = first.loaded.app
    await world.done(world.apps.assignPlan({ appId, plan: 'unlimited' }, CALLER))
    await make('b', { plan: 'free' })
    const back = await world.apps.assignPlan({ appId, plan: 'free' }, CALLER)
    expect(back).toMatchObject({ ok: false, refusal: 'free_plan_taken' })
  })

  test('that is past due still works, cancelled until its end, and inactive not at all', async () => {
    const { loaded } = await make()
    const { id: appId } = loaded.app
    const assign = (state: 'past_due' | 'cancelled' | 'inactive', endsAtMs?: number) =>
      world.done(world.apps.assignPlan({ appId, plan: 'unlimited', state, endsAtMs }, CALLER))
    await assign('past_due')
    expect(world.admitted(appId)).toBe('admitted')
    await assign('cancelled', world.time.ms + 1_000)
    expect(world.admitted(appId)).toBe('admitted')
    world.time.ms += 1_000
    expect(world.admitted(appId)).toBe('plan_missing')
    await assign('inactive')
    expect(world.admitted(appId)).toBe('plan_missing')
  })

  test('is cancelled with an end and with nothing else', async () => {
    const { loaded } = await make()
    const request = { appId: loaded.app.id, plan: 'unlimited' }
    const endsAtMs = world.time.ms + 1
    for (const wrong of [{ state: 'cancelled' as const }, { endsAtMs }]) {
      const refused = await world.apps.assignPlan({ ...request, ...wrong }, CALLER)
      expect(refused).toMatchObject({ ok: false, refusal: 'input_invalid' })
    }
  })
})

describe('a change of type', () => {
  test('to public ends the client secrets with their families', async () => {
    const { loaded } = await make()
    const { id: appId } = loaded.app
    await world.startFamily(loaded)
    const made = await world.done(
      world.apps.convert({ appId, type: 'public', reason: 'a page' }, CALLER),
    )
    expect(made.receipt.familyCount).toBe(1)
    expect(made.clientSecret).toBeUndefined()
    expect(made.loaded.credentials.map(({ record }) => record.kind)).toEqual(['signing_secret'])
    const again = world.core.changes.create(
      { ...{ tenantId, appId }, kind: 'client_secret', name: 'x', attributes: {} },
      CALLER,
    )
    expect(await again).toMatchObject({ ok: false, refusal: 'public_client' })
  })

  test('to confidential makes one client secret, and doing it again none', async () => {
    const { loaded } = await make('spa', { type: 'public' })
    const request = { appId: loaded.app.id, type: 'confidential' as const, reason: 'a backend' }
    const made = await world.done(world.apps.convert(request, CALLER))
    expect(made.clientSecret).toMatch(/^cls_/)
    const again = await world.done(world.apps.convert(request, CALLER))
    expect(again.clientSecret).toBeUndefined()
    expect(again.loaded.credentials.length).toBe(2)
  })
})

describe('an app that is deleted', () => {
  test('is gone with its names, credentials and families, and its rows stay', async () => {
    const { loaded, appKey } = await make('chat', { plan: 'free' })
    const { id: appId, clientId } = loaded.app
    await world.startFamily(loaded)
    const { receipt } = await world.done(world.apps.delete({ appId, reason: 'not needed' }, CALLER))
    expect(receipt.familyCount).toBe(1)
    const { apps, revocations } = world.core.authority
    expect(apps.findById(appId)).toBeUndefined()
    expect(apps.findByAppKey(appKey)).toBeUndefined()
    expect(apps.findByClientId(clientId)).toBeUndefined()
    expect(await world.names(appId)).toEqual([])
    const reliance = revocations.isRevoked([world.reliance(appId)], world.time.ms)
    expect(reliance).toBe(true)
    expect((await world.actions(tenantId, 'local')).at(-1)).toBe('app.deleted')
    const again = await world.apps.delete({ appId, reason: 'twice' }, CALLER)
    expect(again).toMatchObject({ ok: false, refusal: 'not_found' })
    await make('chat', { plan: 'free' })
  })
})

describe('a crash', () => {
  test.each(['control', 'region'] as const)('at any step of a create in %s', async (where) => {
    for (let step = 0; step < 4; step++) {
      world = await AdministrationWorld.open()
      tenantId = await world.tenant()
      const crash = world.crashAt(where, step)
      await Promise.allSettled([world.apps.create(named('chat', { plan: 'free' }), CALLER)])
      crash.isOver = true
      world = await world.restarted()
      const found = [...world.core.authority.apps.apps()]
      // Whole or not at all: the names tell which, and a second try of the caller fits.
      if (found.length === 0) await make('chat', { plan: 'free' })
      const [app] = [...world.core.authority.apps.apps()]
      const names = await world.names(app?.app.id ?? '')
      expect(names.length).toBe(5)
      expect(names.every((name) => name.endsWith('confirmed'))).toBe(true)
      expect((await world.allNames()).length).toBe(5)
    }
  })

  test.each(['control', 'region'] as const)('at any step of a rename in %s', async (where) => {
    for (let step = 0; step < 4; step++) {
      world = await AdministrationWorld.open()
      tenantId = await world.tenant()
      const { loaded } = await make('old', { plan: 'free' })
      const { id: appId } = loaded.app
      const crash = world.crashAt(where, step)
      const change = { appId, name: 'new' }
      await Promise.allSettled([world.apps.update(change, CALLER)])
      crash.isOver = true
      world = await world.restarted()
      const name = world.core.authority.apps.findById(appId)?.app.name ?? ''
      expect(['old', 'new']).toContain(name)
      const names = await world.allNames()
      expect(names).toContain(`app_name ${tenantId}/${name} confirmed`)
      expect(names.length).toBe(5)
    }
  })

  test.each(['control', 'region'] as const)(
    'at any step of leaving a plan in %s',
    async (where) => {
      for (let step = 0; step < 4; step++) {
        world = await AdministrationWorld.open()
        tenantId = await world.tenant()
        const { loaded } = await make('a', { plan: 'free' })
        const { id: appId } = loaded.app
        const crash = world.crashAt(where, step)
        await Promise.allSettled([world.apps.assignPlan({ appId, plan: 'unlimited' }, CALLER)])
        crash.isOver = true
        world = await world.restarted()
        const plan = world.core.authority.apps.findById(appId)?.app.subscription?.plan
        expect((await world.allNames()).length).toBe(plan === 'free' ? 5 : 4)
      }
    },
  )

  test.each(['control', 'region'] as const)('at any step of a deletion in %s', async (where) => {
    for (let step = 0; step < 4; step++) {
      world = await AdministrationWorld.open()
      tenantId = await world.tenant()
      const { loaded } = await make('a', { plan: 'free' })
      const { id: appId } = loaded.app
      const crash = world.crashAt(where, step)
      await Promise.allSettled([world.apps.delete({ appId, reason: 'gone' }, CALLER)])
      crash.isOver = true
      world = await world.restarted()
      const isThere = world.core.authority.apps.findById(appId) !== undefined
      expect((await world.allNames()).length).toBe(isThere ? 5 : 0)
    }
  })
})

test('a write that the region refuses gives the names back without a restart', async () => {
  world.failOnce('region', new Conflict('stale_revision'))
  const refused = await world.apps.create(named('chat'), CALLER)
  expect(refused).toMatchObject({ ok: false, refusal: 'changed_meanwhile' })
  expect(await world.allNames()).toEqual([])
  await make('chat')
})

test('an outage of the region is no refusal, and the names are free again after it', async () => {
  world.failOnce('region', new Outage('store_unavailable', 'for a moment', { port: 'store' }))
  const failed = await world.apps.create(named('chat'), CALLER).then(
    () => 'made',
    (error: unknown) => (error instanceof Outage ? 'outage' : 'bug'),
  )
  expect(failed).toBe('outage')
  expect(await world.allNames()).toEqual([])
  await make('chat')
})
