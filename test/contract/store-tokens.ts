/** The part of the store contract that connection tokens rest on. */
import { expect, test } from 'bun:test'
import type { ConnectionTokenPage } from '../../packages/server/src/ports/connection-token-records.ts'
import {
  type ConnectionTokenRecord,
  type ConnectionTokenSelector,
  TOKEN_CLIENT_COUNT_MAX,
} from '../../packages/server/src/ports/records/connection-token.ts'
import { Conflict } from '../../packages/server/src/ports/store.ts'
import { appOf, tenantOf } from './records.ts'
import type { StoreBench } from './store-bench.ts'
import { regionOf, saveUnit } from './store-units.ts'

const HOSTILE = 'Größe "x" \u{1f600} \'; -- \\ %_'
const APP = appOf(1).id

function tokenOf(id: string, changes: Partial<ConnectionTokenRecord> = {}): ConnectionTokenRecord {
  return {
    id,
    tenantId: tenantOf(1).id,
    appId: APP,
    username: 'user',
    userEmail: 'ada@example.org',
    userId: 'u-1',
    provider: 'cloudsignal',
    integration: undefined,
    acl: {},
    restsOn: [],
    claims: {},
    ttlMs: 1_000,
    createdAtMs: 1_000,
    generation: 1,
    refreshedAtMs: undefined,
    expiresAtMs: 2_000,
    endsAtMs: 9_000,
    revokedAtMs: undefined,
    replacedAtMs: undefined,
    clientIds: [],
    ...changes,
  }
}

const FULL = tokenOf('full', {
  username: HOSTILE,
  userEmail: HOSTILE,
  integration: HOSTILE,
  provider: 'auth0',
  acl: { publish: ['a/+', HOSTILE], subscribe: [] },
  restsOn: ['key:key_1', HOSTILE],
  claims: { role: HOSTILE, __proto__: 'x' },
  generation: 4,
  refreshedAtMs: 1_500,
  revokedAtMs: 1_600,
  replacedAtMs: 1_550,
  clientIds: [HOSTILE, ''],
})

export function testStoreTokens(bench: StoreBench): void {
  const region = () => regionOf(bench.store)
  const save = (...tokens: readonly ConnectionTokenRecord[]) =>
    region().transaction(async (each) => {
      await each.saveConnectionTokens(tokens)
    })
  const find = (id: string) => region().transaction((each) => each.findConnectionToken(id))
  const list = async (page: Partial<ConnectionTokenPage> = {}) => {
    const whole = { afterId: '', countMax: 100, ...page }
    const found = await region().transaction((each) => each.listConnectionTokens(whole))
    return found.map(({ id }) => id)
  }

  test('a connection token comes back field for field, however it was saved', async () => {
    await region().startConnectionToken(FULL)
    await save(tokenOf('bare'))
    expect(await find('full')).toEqual(FULL)
    expect(await find('bare')).toEqual(tokenOf('bare'))
    expect(await find('none')).toBeUndefined()
    await save({ ...tokenOf('full'), appId: 'other' }, { ...FULL, id: 'bare' })
    expect(await find('full')).toEqual({ ...tokenOf('full'), appId: 'other' })
    expect(await find('bare')).toEqual({ ...FULL, id: 'bare' })
  })

  test('an id is given to one connection token, and its neighbours come to no harm', async () => {
    const outcomes = await Promise.allSettled(
      ['a', 'a', 'b'].map((id) => region().startConnectionToken(tokenOf(id))),
    )
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    const late: unknown = await region()
      .startConnectionToken(FULL)
      .then(() => region().startConnectionToken(FULL))
      .catch((reason: unknown) => reason)
    expect(late instanceof Conflict && late.rule).toBe('stale_revision')
    expect(await list()).toEqual(['a', 'b', 'full'])
  })

  test('connection tokens are listed by id, page by page, of one app or all', async () => {
    await save(tokenOf('c'), tokenOf('a'), tokenOf('B'), tokenOf('b', { appId: 'other' }))
    expect(await list({ countMax: 2 })).toEqual(['B', 'a'])
    expect(await list({ countMax: 2, afterId: 'a' })).toEqual(['b', 'c'])
    expect(await list({ afterId: 'c' })).toEqual([])
    expect(await list({ selector: { appId: APP } })).toEqual(['B', 'a', 'c'])
    expect(await list({ selector: { appId: APP }, afterId: 'B', countMax: 1 })).toEqual(['a'])
    expect(await list({ selector: { appId: 'none' } })).toEqual([])
  })

  test('a selector means what matches all of its fields', async () => {
    await save(
      tokenOf('a'),
      tokenOf('b', { integration: 'web' }),
      tokenOf('c', { integration: 'web', userEmail: HOSTILE }),
      tokenOf('d', { integration: 'web', provider: 'auth0' }),
      tokenOf('e', { integration: 'web', appId: 'other' }),
    )
    const of = (selector: Omit<ConnectionTokenSelector, 'appId'>) =>
      list({ selector: { appId: APP, ...selector } })
    expect(await of({})).toEqual(['a', 'b', 'c', 'd'])
    expect(await of({ id: 'b' })).toEqual(['b'])
    expect(await of({ id: 'e' })).toEqual([])
    expect(await of({ userEmail: HOSTILE })).toEqual(['c'])
    expect(await of({ integration: 'web' })).toEqual(['b', 'c', 'd'])
    expect(await of({ integration: null })).toEqual(['a'])
    const userEmail = 'ada@example.org'
    expect(await of({ userEmail, integration: 'web', provider: 'cloudsignal' })).toEqual(['b'])
  })

  test('only what lives is listed as live, and what has not expired as that', async () => {
    await save(
      tokenOf('a'),
      tokenOf('b', { revokedAtMs: 1 }),
      tokenOf('c', { replacedAtMs: 1 }),
      tokenOf('d', { expiresAtMs: 1_500 }),
      tokenOf('e', { endsAtMs: 1_500 }),
    )
    expect(await list({ liveAtMs: 1_499 })).toEqual(['a', 'd', 'e'])
    expect(await list({ liveAtMs: 1_500 })).toEqual(['a'])
    expect(await list({ unexpiredAtMs: 1_500 })).toEqual(['a', 'b', 'c', 'e'])
    expect(await list({ liveAtMs: 1_500, selector: { appId: 'other' } })).toEqual([])
  })

  testEnding(bench)
  testSteps(bench)
}

function testEnding(bench: StoreBench): void {
  const region = () => regionOf(bench.store)
  const end = (
    selector: Omit<ConnectionTokenSelector, 'appId'>,
    how: { readonly revokedAtMs: number } | { readonly replacedAtMs: number },
  ) => region().transaction((each) => each.endConnectionTokens({ appId: APP, ...selector }, how))
  const all = () =>
    region().transaction((each) => each.listConnectionTokens({ afterId: '', countMax: 100 }))
  const begin = () =>
    region().transaction(async (each) => {
      await each.saveConnectionTokens(['c', 'a'].map((id) => tokenOf(id)))
      await each.saveConnectionTokens([tokenOf('b', { userEmail: 'bob@example.org' })])
      await each.saveConnectionTokens([tokenOf('d', { expiresAtMs: 1_100 })])
      await each.saveConnectionTokens([tokenOf('e', { appId: 'other' })])
    })
  const marks = async () =>
    (await all()).map(({ id, revokedAtMs, replacedAtMs }) => [id, revokedAtMs, replacedAtMs])

  test('revoking marks what is selected once, and names what had not expired', async () => {
    await begin()
    expect(await end({ userEmail: 'ada@example.org' }, { revokedAtMs: 1_200 })).toEqual(['a', 'c'])
    expect(await end({ userEmail: 'ada@example.org' }, { revokedAtMs: 1_300 })).toEqual([])
    expect(await marks()).toEqual([
      ['a', 1_200, undefined],
      ['b', undefined, undefined],
      ['c', 1_200, undefined],
      ['d', 1_200, undefined],
      ['e', undefined, undefined],
    ])
    expect(await end({}, { revokedAtMs: 1_400 })).toEqual(['b'])
  })

  test('what is replaced can still be revoked, and what is revoked is not replaced', async () => {
    await begin()
    expect(await end({ id: 'a' }, { replacedAtMs: 1_200 })).toEqual(['a'])
    expect(await end({ id: 'b' }, { revokedAtMs: 1_200 })).toEqual(['b'])
    expect(await end({}, { replacedAtMs: 1_300 })).toEqual(['c'])
    expect(await end({}, { revokedAtMs: 1_400 })).toEqual(['a', 'c'])
    expect((await marks()).slice(0, 3)).toEqual([
      ['a', 1_400, 1_200],
      ['b', 1_200, undefined],
      ['c', 1_400, 1_300],
    ])
  })

  test('a token and what it replaces change together or not at all', async () => {
    await begin()
    const failed = region().transaction(async (each) => {
      await each.endConnectionTokens({ appId: APP, id: 'a' }, { replacedAtMs: 1_200 })
      await each.saveConnectionTokens([tokenOf('f')])
      throw new Error('on purpose')
    })
    expect(await failed.catch(String)).toContain('on purpose')
    expect((await marks()).flat()).not.toContain(1_200)
    expect((await all()).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('a sweep removes what expired before, and leaves what is revoked until then', async () => {
    await begin()
    await end({ id: 'a' }, { revokedAtMs: 1_200 })
    const sweep = (beforeMs: number) =>
      region().transaction((each) => each.sweepConnectionTokens(beforeMs))
    await sweep(1_100)
    expect((await all()).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e'])
    await sweep(2_000)
    expect((await all()).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'e'])
    await sweep(2_001)
    expect(await all()).toEqual([])
  })

  test('a removed app takes its connection tokens with it and leaves the others', async () => {
    await saveUnit(bench.store, 1)
    await begin()
    await region().transaction((each) => each.removeApp(APP))
    expect((await all()).map(({ id }) => id)).toEqual(['e'])
  })
}

function testSteps(bench: StoreBench): void {
  const region = () => regionOf(bench.store)
  const step = (generation: number, nowMs = 1_500) => ({
    id: 'a',
    generation,
    nowMs,
    expiresAtMs: nowMs + 1_000,
  })
  const start = (changes: Partial<ConnectionTokenRecord> = {}) =>
    region().transaction((each) => each.saveConnectionTokens([tokenOf('a', changes)]))

  test('of many concurrent steps of one generation of a token exactly one advances', async () => {
    await start({ clientIds: ['x'] })
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, () => region().advanceConnectionToken(step(1))),
    )
    expect(outcomes.filter(({ isAdvanced }) => isAdvanced)).toHaveLength(1)
    const changes = { generation: 2, refreshedAtMs: 1_500, expiresAtMs: 2_500, clientIds: ['x'] }
    const after = tokenOf('a', changes)
    expect(outcomes.every(({ token }) => Bun.deepEquals(token, after))).toBe(true)
    expect((await region().advanceConnectionToken(step(1))).isAdvanced).toBe(false)
    expect((await region().advanceConnectionToken(step(2))).isAdvanced).toBe(true)
  })

  test('no token advances that is absent, revoked, replaced or at its end', async () => {
    expect(await region().advanceConnectionToken(step(1))).toEqual({
      isAdvanced: false,
      token: undefined,
    })
    for (const changes of [{ revokedAtMs: 1 }, { replacedAtMs: 1 }, { endsAtMs: 1_500 }]) {
      await start(changes)
      const outcome = await region().advanceConnectionToken(step(1))
      expect(outcome).toEqual({ isAdvanced: false, token: tokenOf('a', changes) })
    }
    await start({ endsAtMs: 1_501, expiresAtMs: 1_000 })
    expect(await region().advanceConnectionToken(step(1))).toMatchObject({ isAdvanced: true })
  })

  test('client ids are bound once each, in order, up to the bound', async () => {
    const bind = (clientId: string) => region().bindConnectionTokenClient('a', clientId)
    expect(await bind('x')).toBe(false)
    await start()
    const first = [HOSTILE, 'null', '0', '']
    for (const clientId of [...first, HOSTILE]) expect(await bind(clientId)).toBe(true)
    const more = Array.from({ length: TOKEN_CLIENT_COUNT_MAX - first.length }, (_, at) => `c${at}`)
    expect(new Set(await Promise.all(more.map(bind)))).toEqual(new Set([true]))
    expect(await bind('one too many')).toBe(false)
    expect(await bind('c1')).toBe(true)
    const found = await region().transaction((each) => each.findConnectionToken('a'))
    expect(found).toEqual(tokenOf('a', { clientIds: [...first, ...more] }))
  })
}
