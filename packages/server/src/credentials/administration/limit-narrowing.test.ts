import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { AdministrationWorld, CALLER } from '../../../../../test/support/administration-world.ts'
import { DEFAULT_APP_SETTINGS } from '../../config/app-schema.ts'
import { effectiveLimits, type EffectiveLimits } from '../../core/limits/effective-limits.ts'
import { isConcurrent } from '../../core/limits/limit-names.ts'
import { formatLimit } from '../../core/limits/limit-text.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import { AppLimitBook, type LimitingParts, readLimits } from '../app-limits.ts'
import type { SettingsChange } from './app-making.ts'
import { checkNarrowed } from './limit-narrowing.ts'

const LIMITS = { maxConnections: 50, maxDocuments: 4, maxUsersPerDoc: 3, opsPerMinute: 600 }
const WIDENED = { ok: false, refusal: 'limit_widened' }
const EVENTS = 'client_events.connection'

const NAMES = ['publish.app', EVENTS, 'webhook_retries.endpoint', 'connections.app'] as const
const WINDOWS = ['1s', '1m'] as const
const anyText = fc
  .record({
    name: fc.constantFrom(...NAMES),
    quota: fc.oneof(fc.nat(30), fc.constant(2_000)),
    window: fc.constantFrom(...WINDOWS),
    rest: fc.constantFrom('', ' shadow', ' open', ' closed'),
  })
  .map(({ name, quota, window, rest }) =>
    isConcurrent(name)
      ? `${name} ${quota}${rest === ' shadow' ? rest : ''}`
      : `${name} ${quota}/${window}${rest}`,
  )
const anyTexts = fc.uniqueArray(anyText, {
  maxLength: 6,
  selector: (text) => text.replace(/ \d+/, '').replace(/ open| closed/, ''),
})
const anySettings: fc.Arbitrary<AppSettings> = fc
  .record({
    limits: anyTexts,
    connectionCountMax: fc.constantFrom(1, 40, 10_000_000),
    clientEventsPerSecondMax: fc.constantFrom(1, 10, 100_000),
  })
  .map((changes) => ({ ...DEFAULT_APP_SETTINGS, ...changes }))
const anyPlan = fc
  .record({ maxConnections: fc.nat(60), opsPerMinute: fc.nat(60), rateLimits: anyTexts })
  .map((plan) => ({ ...LIMITS, ...plan }))

/** A use by name and window, of each of which the limits are asked by themselves. */
type Use = (name: string, windowMs: number | undefined) => number

function allows({ rules, concurrent }: EffectiveLimits, use: Use): boolean {
  return [...Object.values(rules), ...Object.values(concurrent)]
    .flat()
    .every((limit) => limit.isShadow || use(limit.name, limit.windowMs) <= limit.quota)
}

function heldOf(book: AppLimitBook, parts: LimitingParts): EffectiveLimits {
  const { installation, plan, app } = book.origins(parts)
  return effectiveLimits({ plan: [...installation, ...plan], app })
}

test('what a tenant may set for a new app allows nothing that its plan and the installation do not', () => {
  const anyName = fc.constantFrom(...NAMES)
  // Bursts of a second and sums of a minute, around the quotas there are.
  const anyCount = fc.oneof(fc.nat(40), fc.constantFrom(11, 1_201, 1_999))
  fc.assert(
    fc.property(
      fc.tuple(anyTexts, anyPlan, anySettings),
      fc.tuple(anyName, anyCount, anyCount),
      ([texts, limits, settings], [used, inSecond, inMinute]) => {
        const book = new AppLimitBook(readLimits(texts))
        const after = { app: { settings }, limits }
        expect(checkNarrowed({ after }, { tenantId: undefined }, book).ok).toBe(true)
        if (!checkNarrowed({ after }, { tenantId: 'tenant' }, book).ok) return
        const { installation, plan } = book.origins(after)
        const use: Use = (name, windowMs) => {
          if (name !== used) return 0
          return windowMs === 1_000 ? inSecond : inMinute
        }
        if (!allows(heldOf(book, after), use)) return
        const alone = effectiveLimits({ plan: [...installation, ...plan] })
        expect(allows(alone, use)).toBe(true)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('what a plan or the installation names holds, whatever an app says and whoever lets it', () => {
  fc.assert(
    fc.property(anyTexts, anyPlan, anySettings, (texts, limits, settings) => {
      const book = new AppLimitBook(readLimits(texts))
      const parts = { app: { settings }, limits }
      const { installation, plan } = book.origins(parts)
      const { rules, concurrent } = heldOf(book, parts)
      const held = [...Object.values(rules), ...Object.values(concurrent)].flat()
      for (const said of [...installation, ...plan].filter(({ isShadow }) => !isShadow)) {
        const place = held.filter((each) => each.name === said.name && !each.isShadow)
        const same = place.find(({ windowMs }) => windowMs === said.windowMs)
        expect(same?.quota).toBeLessThanOrEqual(said.quota)
      }
    }),
    { numRuns: 1_000 },
  )
})

async function opened(limits: readonly string[] = []) {
  const world = await AdministrationWorld.open({ limits })
  const tenantId = await world.tenant()
  const tenantKey = { ...CALLER, tenantId }
  const create = (
    settings: SettingsChange,
    caller: typeof CALLER | typeof tenantKey,
    plan = 'free',
  ) => {
    const request = { tenantId, name: 'chat', plan, allowedDomains: [], settings }
    return world.apps.create({ ...request, type: 'confidential' }, caller)
  }
  return { world, tenantId, tenantKey, create }
}

describe('a key of a tenant', () => {
  test.each<[string, SettingsChange]>([
    ['the older setting', { clientEventsPerSecondMax: 11 }],
    ['a larger quota', { limits: [`${EVENTS} 11/1s`] }],
    ['another window in its place', { limits: [`${EVENTS} 600/1m`] }],
    ['a shorter window in its place', { limits: [`${EVENTS} 10/100ms`] }],
    ['a softer word for an outage', { limits: [`${EVENTS} 10/1s open`] }],
    ['retries of webhooks', { limits: ['webhook_retries.endpoint 1201/1m'] }],
  ])('does not widen a default by %s, and nothing is left of the try', async (_name, settings) => {
    const { world, tenantKey, create } = await opened()
    const before = await world.everything()
    expect(await create(settings, tenantKey)).toMatchObject(WIDENED)
    expect(await world.everything()).toEqual(before)
    const { loaded } = await world.done(create({}, tenantKey))
    const { id: appId } = loaded.app
    expect(await world.apps.update({ appId, settings }, tenantKey)).toMatchObject(WIDENED)
    expect(world.core.authority.apps.findById(appId)?.app.settings).toEqual(loaded.app.settings)
    expect(await world.apps.update({ appId, settings }, CALLER)).toMatchObject({ ok: true })
  })

  test('is told which limit to keep', async () => {
    const { tenantKey, create } = await opened()
    const refused = await create({ clientEventsPerSecondMax: 500 }, tenantKey)
    expect(refused).toMatchObject({
      detail: 'Keep client_events.connection 10/1s, or less than that.',
    })
  })

  test('narrows what it likes, and takes back what was narrowed', async () => {
    const { world, tenantKey, create } = await opened()
    const narrow = { limits: [`${EVENTS} 2/1s`, 'publish.user 1/1s', 'connections.user 0'] }
    const { loaded } = await world.done(create(narrow, tenantKey))
    const { id: appId } = loaded.app
    const wide = { limits: [], connectionCountMax: 10_000_000 }
    const { app, limits } = await world.done(
      world.apps.update({ appId, settings: wide }, tenantKey),
    )
    const held = heldOf(new AppLimitBook([]), { app, limits })
    expect(held.concurrent['connections.app'].map(formatLimit)).toEqual(['connections.app 40'])
    expect(held.rules[EVENTS].map(formatLimit)).toEqual([`${EVENTS} 10/1s`])
  })

  test('keeps what the installation has widened, and does not widen it further', async () => {
    const { world, tenantKey, create } = await opened()
    const { loaded } = await world.done(create({ clientEventsPerSecondMax: 500 }, CALLER))
    const { id: appId } = loaded.app
    const update = (settings: SettingsChange) => world.apps.update({ appId, settings }, tenantKey)
    expect(await update({ cacheTtlMs: 5_000 })).toMatchObject({ ok: true })
    expect(await update({ clientEventsPerSecondMax: 501 })).toMatchObject(WIDENED)
    expect(await update({ clientEventsPerSecondMax: 400 })).toMatchObject({ ok: true })
    expect(await update({ clientEventsPerSecondMax: 500 })).toMatchObject(WIDENED)
  })

  test('has what plan and installation name beyond a default, and does not carry it to another plan', async () => {
    const { world, tenantId, tenantKey, create } = await opened()
    const limits = { ...LIMITS, rateLimits: [`${EVENTS} 100/1s`] }
    await world.done(world.plans.save({ tenantId, name: 'team', limits }, CALLER))
    const said = { limits: [`${EVENTS} 90/1s`] }
    const { loaded } = await world.done(create(said, tenantKey, 'team'))
    const move = { appId: loaded.app.id, plan: 'free' }
    expect(await world.apps.assignPlan(move, tenantKey)).toMatchObject(WIDENED)
    expect(await world.apps.assignPlan(move, CALLER)).toMatchObject({ ok: true })
    const other = await opened([`${EVENTS} 100/1s`])
    expect(await other.create(said, other.tenantKey)).toMatchObject({ ok: true })
  })
})
