/** What the plan behind a token allows of documents, and who does not get in, told to real editors. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import { Clients } from '../support/clients.ts'
import { app, type AppConfig, type LiveServer, startServer } from '../support/server.ts'
import { together } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'
import {
  bareClosure,
  customerToken,
  EDITOR_KINDS,
  Editors,
  type LiveEditor,
  MANY_EDITORS,
  Y_WEBSOCKET,
} from '../support/yjs-editors.ts'

const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
const CLIENT_SECRET = 'a-secret-of-the-editors-0123456789'
const AMPLE = { maxConnections: 100, maxDocuments: 100, maxUsersPerDoc: 100, opsPerMinute: 10_000 }
const TENANTS = ['3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111', '77777777-2d9e-4c3e-a1f1-3b2c99e6b222']

/** One app for each plan, so that each limit is met alone. */
const PLANS = [
  { ...AMPLE, name: 'connections', maxConnections: 3 },
  { ...AMPLE, name: 'documents', maxDocuments: 2 },
  { ...AMPLE, name: 'users', maxUsersPerDoc: 2 },
  { ...AMPLE, name: 'ops', opsPerMinute: 5 },
  { ...AMPLE, name: 'pooled-ops', opsPerMinute: 5 },
  { ...AMPLE, name: 'stopping', maxUsersPerDoc: 1 },
  { ...AMPLE, name: 'lowered' },
  { ...AMPLE, name: 'raised', maxUsersPerDoc: 1 },
  { ...AMPLE, name: 'ended' },
]

const appOf = (id: string, more: Partial<AppConfig> = {}) =>
  app(id, { clientId: `${id}-client`, clientSecret: CLIENT_SECRET, ...more })
const jwtSecrets = [{ value: SECRET }, { value: `${SECRET}-b`, audience: ['editors'] }]
const APPS = [
  ...PLANS.map(({ name }) => appOf(name, { plan: name })),
  appOf('doors', { jwtSecrets }),
  appOf('disabled'),
]
const FOREIGN = [appOf('foreign')]

const tenantOf = (apps: readonly AppConfig[], n: number) => ({
  id: TENANTS[n],
  shortId: `org_k7xm4pqr2n5${'ab'[n]}`,
  name: `Tenant ${n}`,
  apps: apps.map(({ key, secret, ...rest }) => ({
    name: rest.id,
    plan: 'unlimited',
    region: 'local',
    keys: [{ key, secret }],
    ...rest,
  })),
})

const test = together()
const home = mkdtempSync(join(tmpdir(), 'lockgate-yjs-limits-'))
let server: LiveServer
const editors = new Editors(() => server)
const administration = new Administration(
  () => server,
  () => ownerKey(home),
)
before(async () => {
  const tenants = [tenantOf(APPS, 0), tenantOf(FOREIGN, 1)]
  server = await startServer({ dataDir: home, config: { ...MANY_EDITORS, plans: PLANS, tenants } })
  for (const appId of ['stopping']) await set(appId, { documentCloseCodes: 'http' })
})
after(async () => {
  editors.destroyAll()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

function set(appId: string, settings: Readonly<Record<string, unknown>>) {
  return administration.done('apps.update', { parameters: { appId }, body: { settings } })
}

async function tokenOf(id: string): Promise<string> {
  return (await buyTokens(server, { clientId: `${id}-client`, clientSecret: CLIENT_SECRET })).access
}

/** Opens editors of mixed kinds one after the other, all of which have to get in. */
async function letIn(token: string, names: readonly string[]): Promise<LiveEditor[]> {
  const all: LiveEditor[] = []
  for (const [n, name] of names.entries()) {
    const editor = editors.of(n % EDITOR_KINDS.length, { name, token })
    await editor.synced()
    all.push(editor)
  }
  return all
}

/** Every version of y-websocket is refused alike. */
async function refusedAlike(
  at: { readonly name: string; readonly token: string },
  expected: { readonly code: number; readonly reason: string },
): Promise<void> {
  const told = Y_WEBSOCKET.map(async ([label], kind) => {
    const editor = editors.of(kind, at)
    assert.deepEqual(await editor.closure(), expected, label)
    editor.destroy()
  })
  await Promise.all(told)
}

async function othersGoOn(inside: readonly LiveEditor[]): Promise<void> {
  const [one, other] = inside
  assert.ok(one !== undefined && other !== undefined)
  const word = `[${Math.random()}]`
  one.write(word)
  if (one.provider !== other.provider) await until('a word', () => other.read.includes(word))
  for (const editor of inside) assert.deepEqual(editor.closes, [])
}

test('connections: the one too many is told 4004 with the limit, and a place is free again', async () => {
  const token = await tokenOf('connections')
  const inside = await letIn(token, ['doc', 'doc', 'doc'])
  await refusedAlike({ name: 'doc', token }, { code: 4004, reason: 'Connection limit exceeded: 3' })
  await othersGoOn(inside)
  inside.pop()?.destroy()
  await (await until('a place', () => letIn(token, ['doc']))).at(0)?.synced()
  for (const editor of inside) editor.destroy()
})

test('documents: the one too many is told 4005 with limit and count, and open ones take more', async () => {
  const token = await tokenOf('documents')
  const inside = await letIn(token, ['one', 'two'])
  const reason = 'Document limit exceeded: 2 (active: 2)'
  await refusedAlike({ name: 'three', token }, { code: 4005, reason })
  inside.push(...(await letIn(token, ['one', 'two'])))
  await othersGoOn([inside[0], inside[2]].filter((editor) => editor !== undefined))
  for (const editor of inside) editor.destroy()
})

test('users of a document: the one too many is told 4008 with the limit; another document has room', async () => {
  const token = await tokenOf('users')
  const inside = await letIn(token, ['doc', 'doc'])
  const reason = 'Document user limit exceeded: 2'
  await refusedAlike({ name: 'doc', token }, { code: 4008, reason })
  await othersGoOn(inside)
  for (const editor of [...inside, ...(await letIn(token, ['other']))]) editor.destroy()
})

test('a Hocuspocus client over a limit is denied its document with the text of the limit', async () => {
  const token = await tokenOf('users')
  const inside = await letIn(token, ['pool', 'pool'])
  const late = editors.pooled({ name: 'pool', token })
  const reason = await until('a denial', () => late.denied)
  assert.equal(reason, 'Document user limit exceeded: 2')
  await othersGoOn(inside)
  for (const editor of [...inside, late]) editor.destroy()
})

for (const [id, kind] of [
  ['ops', 0],
  ['pooled-ops', EDITOR_KINDS.length - 1],
] as const) {
  test(`operations, ${EDITOR_KINDS[kind]}: the connection that exceeds them is told 4006, no other`, async () => {
    const token = await tokenOf(id)
    const [reader, other] = await letIn(token, ['doc', 'doc'])
    const writer = editors.of(kind, { name: 'doc', token })
    await writer.synced()
    assert.ok(reader !== undefined && other !== undefined)
    for (let n = 0; n < 5; n++) writer.write(String(n))
    await until('all of them', () => reader.read === '01234' && other.read === '01234')
    writer.write('5')
    const reason = 'Rate limit exceeded: 5 ops/min'
    assert.deepEqual(await writer.closure(), { code: 4006, reason })
    // Nothing of what was refused is anywhere, and who wrote nothing stays.
    assert.deepEqual([reader.read, other.read], ['01234', '01234'])
    assert.deepEqual([reader.closes, other.closes], [[], []])
    other.provider.awareness?.setLocalStateField('user', { name: 'still here' })
    await until('awareness is no operation', () =>
      [...(reader.provider.awareness?.getStates().values() ?? [])].some((state) => state['user']),
    )
    for (const editor of [reader, other, writer]) editor.destroy()
  })
}

test('a lowered plan holds for documents and users once a newer token comes, for connections at once', async () => {
  const old = await tokenOf('lowered')
  const inside = await letIn(old, ['doc'])
  const lowered = { maxConnections: 8, maxDocuments: 1, maxUsersPerDoc: 2, opsPerMinute: 10_000 }
  await administration.done('plans.save', { parameters: { plan: 'lowered' }, body: lowered })
  inside.push(...(await letIn(old, ['doc', 'doc', 'other'])))
  await pastSecond()
  const fresh = await tokenOf('lowered')
  for (const token of [fresh, old]) {
    const users = { code: 4008, reason: 'Document user limit exceeded: 2' }
    await refusedAlike({ name: 'doc', token }, users)
    const documents = { code: 4005, reason: 'Document limit exceeded: 1 (active: 2)' }
    await refusedAlike({ name: 'third', token }, documents)
  }
  // Those of every protocol count together, and so by what the plan says now.
  inside.push(...(await letIn(old, ['other'])))
  const sockets = await clientsOf('lowered', 3)
  const connections = { code: 4004, reason: 'Connection limit exceeded: 8' }
  await refusedAlike({ name: 'other', token: old }, connections)
  for (const editor of inside) assert.deepEqual(editor.closes, [])
  for (const editor of inside) editor.destroy()
  for (const socket of sockets) socket.disconnect()
})

/** Clients of Pusher, which count with the editors of their app. */
async function clientsOf(id: string, count: number) {
  const clients = new Clients(() => server)
  return Promise.all(Array.from({ length: count }, () => clients.connected(app(id))))
}

test('a raised plan holds from the first token made after it, for older ones too', async () => {
  const old = await tokenOf('raised')
  const inside = await letIn(old, ['doc'])
  await administration.done('plans.save', { parameters: { plan: 'raised' }, body: AMPLE })
  const reason = 'Document user limit exceeded: 1'
  await refusedAlike({ name: 'doc', token: old }, { code: 4008, reason })
  await pastSecond()
  inside.push(...(await letIn(await tokenOf('raised'), ['doc'])))
  inside.push(...(await letIn(old, ['doc'])))
  await othersGoOn(inside)
  for (const editor of inside) editor.destroy()
})

/** Of two tokens the newer counts, and their age is told in whole seconds. */
async function pastSecond(): Promise<void> {
  const second = Math.floor(Date.now() / 1_000)
  await until('the next second', () => Math.floor(Date.now() / 1_000) > second)
}

test('codes of HTTP make y-websocket 3.1 stop for good; older ones come back for ever', async () => {
  const token = await tokenOf('stopping')
  const [inside] = await letIn(token, ['doc'])
  const all = Y_WEBSOCKET.map(([, Client]) => editors.plain(Client, { name: 'doc', token }))
  const [newest, ...older] = all
  const expected = { code: 4429, reason: 'Document user limit exceeded: 1' }
  assert.deepEqual(await until('it has stopped', () => newest?.stopped), expected)
  await until('the others were back', () => older.every(({ closes }) => closes.length >= 3), 30_000)
  assert.deepEqual(newest?.closes, [expected])
  for (const { closes } of older) for (const each of closes) assert.deepEqual(each, expected)
  assert.deepEqual(inside?.closes, [])
  inside?.destroy()
  // Whoever comes back gets in as soon as there is room.
  older[1]?.destroy()
  await older[0]?.synced()
  for (const editor of all) editor.destroy()
})

test('a token that does not hold is told 4002, whatever is wrong with it', async () => {
  const genuine = await tokenOf('doors')
  const [head, body, signature] = genuine.split('.')
  const claims = JSON.parse(Buffer.from(body ?? '', 'base64url').toString())
  const withClaims = (more: object) => {
    const payload = Buffer.from(JSON.stringify({ ...claims, ...more })).toString('base64url')
    return `${head}.${payload}.${signature}`
  }
  const channels = { '*': ['subscribe', 'publish'] }
  const past = Math.floor(Date.now() / 1_000) - 3_600
  const ours = { app: 'doors', channels }
  const bad: Readonly<Record<string, string>> = {
    'of another tenant': withClaims({ tenantid: TENANTS[1] }),
    'issued by another tenant': withClaims({
      iss: String(claims.iss).replace(String(TENANTS[0]), String(TENANTS[1])),
      tenantid: TENANTS[1],
      appId: 'foreign',
    }),
    'of another app': withClaims({ appId: 'users' }),
    'of a customer for another app': customerToken(SECRET, { ...ours, app: 'users' }),
    'of a customer for another tenant': customerToken(SECRET, { ...ours, app: 'foreign' }),
    'with more limits': withClaims({ limits: AMPLE }),
    'with another audience': withClaims({ aud: 'Other.API' }),
    'of a customer with a wrong audience': customerToken(`${SECRET}-b`, { ...ours, aud: 'x' }),
    expired: customerToken(SECRET, { ...ours, iat: past, exp: past + 60 }),
    'signed with nothing': `${head}.${body}.`,
    'cut off': genuine.slice(0, -20),
    'no token': 'undefined',
    'too many parts': `${genuine}.x`,
    huge: `${head}.${'A'.repeat(4_000)}.${signature}`,
  }
  const good = editors.of(0, { name: 'doc', token: customerToken(SECRET, ours) })
  const told = await Promise.all(
    Object.entries(bad).map(async ([why, token], n) => {
      const editor = editors.of(n % Y_WEBSOCKET.length, { name: 'doc', token })
      const { code } = await editor.closure()
      editor.destroy()
      return [why, code] as const
    }),
  )
  assert.deepEqual(
    told,
    Object.keys(bad).map((why) => [why, 4002]),
  )
  await good.synced()
  good.destroy()
})

test('documents of the same name in two tenants know nothing of each other', async () => {
  const one = editors.of(0, { name: 'same', token: await tokenOf('doors') })
  const other = editors.of(1, { name: 'same', token: await tokenOf('foreign') })
  await Promise.all([one.synced(), other.synced()])
  one.write('mine')
  const late = editors.of(2, { name: 'same', token: await tokenOf('doors') })
  await until('it is there', () => late.read === 'mine')
  const foreign = editors.of(2, { name: 'same', token: await tokenOf('foreign') })
  await foreign.synced()
  assert.deepEqual([other.read, foreign.read], ['', ''])
  for (const editor of [one, other, late, foreign]) editor.destroy()
})

test('an app that is switched off, or has no plan any more, is told 4003, open editors too', async () => {
  const off: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['disabled', () => disable('disabled')],
    ['ended', () => endPlan('ended')],
  ]
  for (const [id, act] of off) {
    const token = await tokenOf(id)
    const inside = await letIn(token, ['doc', 'doc'])
    await act()
    for (const editor of inside) assert.equal((await editor.closure()).code, 4003, id)
    const late = editors.of(0, { name: 'doc', token })
    assert.equal((await late.closure()).code, 4003, id)
    for (const editor of [...inside, late]) editor.destroy()
  }
})

function disable(appId: string) {
  const body = { reason: 'tested' }
  return administration.done('apps.disable', { parameters: { appId }, body })
}

function endPlan(appId: string) {
  const body = { plan: appId, state: 'inactive', reason: 'tested' }
  return administration.done('apps.plan', { parameters: { appId }, body })
}

test('names that are none are told 4007 before anything else of the token', async () => {
  const token = await tokenOf('doors')
  const bad = ['no.name', 'a/b', 'a b', 'ä', 'x'.repeat(256), '..%2Fx', 'a%00b']
  const codes = await Promise.all(
    bad.map(async (name, n) => {
      const editor = editors.of(n % Y_WEBSOCKET.length, { name, token })
      const { code } = await editor.closure()
      editor.destroy()
      return [name, code]
    }),
  )
  assert.deepEqual(
    codes,
    bad.map((name) => [name, 4007]),
  )
  const longest = editors.of(0, { name: `A-z_${'9'.repeat(251)}`, token })
  await longest.synced()
  longest.destroy()
})

test('no token: y-websocket is told 4001, and who says nothing after the wait for Hocuspocus', async () => {
  const startMs = performance.now()
  const silent = bareClosure(`${editors.base}/doc`, 30_000).then(({ code }) => ({
    code,
    waitedMs: performance.now() - startMs,
  }))
  await Promise.all(
    Y_WEBSOCKET.map(async ([label], kind) => {
      const editor = editors.of(kind, { name: 'doc', token: '' })
      assert.equal((await editor.closure()).code, 4001, label)
      editor.destroy()
    }),
  )
  const { code, waitedMs } = await silent
  assert.equal(code, 4001)
  // A slow network may make it longer; less would cut a Hocuspocus client that signs in late.
  assert.ok(waitedMs >= 9_900, `${waitedMs} ms`)
})
