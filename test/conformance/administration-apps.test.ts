/** Tenants, plans and apps over the administration, felt by unmodified clients. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import { library } from '../support/clients.ts'
import { type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { buyTokens, publishWith } from '../support/tokens.ts'
import { Wire } from '../support/wire.ts'

const REGIONS = [
  { code: 'aws-eu-west-1', label: 'Ireland', dbCode: 'shard-01-eu-west-1' },
  { code: 'aws-us-east-1', label: 'N. Virginia', dbCode: 'shard-01-us-east-1' },
]
const REGION = 'aws-eu-west-1'

let dataDir = ''
let server: LiveServer
const config = { regions: REGIONS }
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-apps-'))
  server = await startServer({ dataDir, config })
})
after(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function newTenant(body: Record<string, unknown> = {}): Promise<string> {
  return (await admin.done('tenants.create', { body: { name: 'Acme', ...body } })).id
}

async function newApp(tenantId: string, body: Record<string, unknown> = {}) {
  const rest = { name: 'chat', region: REGION, plan: 'unlimited', ...body }
  return admin.done('apps.create', { body: { tenantId, ...rest } })
}

interface MadeApp {
  readonly app: { readonly id: string }
  readonly appKey: string
  readonly signingSecret: string
}

const pairOf = ({ app, appKey, signingSecret }: MadeApp) => {
  return { id: app.id, key: appKey, secret: signingSecret }
}

test('an app that was made takes connections and calls at once, and after kill -9', async () => {
  const made = await newApp(await newTenant())
  assert.match(String(made.clientSecret), /^cls_/)
  const pair = pairOf(made)
  const meets = async () => {
    const wire = await Wire.open(server, pair)
    assert.equal((await library(server, pair).trigger('news', 'e', {})).status, 200)
    wire.socket.close()
  }
  await meets()
  await server.killHard()
  server = await startServer({ dataDir, config })
  await meets()
  const parameters = { appId: made.app.id }
  const { items } = await admin.done('credentials.list', { parameters })
  const kinds = items.map(({ kind }) => kind).toSorted()
  assert.deepEqual(kinds, ['client_secret', 'signing_secret'])
  assert.ok(!JSON.stringify(items).includes(String(made.clientSecret)))
})

test('of two creates of one name at once one wins', async () => {
  const tenantId = await newTenant()
  const body = { tenantId, name: 'same', region: REGION }
  const answers = await Promise.all([1, 2, 3].map(() => admin.call('apps.create', { body })))
  const outcomes = answers.map(({ status, code = 'made' }) => `${status} ${code}`).toSorted()
  assert.deepEqual(outcomes, ['201 made', '409 name_taken', '409 name_taken'])
})

test('the region is required where there are several, known, and fixed for life', async () => {
  const tenantId = await newTenant()
  const create = (body: object) =>
    admin.refused('apps.create', { body: { tenantId, name: 'app', ...body } })
  assert.deepEqual(await create({}), [400, 'input_invalid'])
  assert.deepEqual(await create({ region: 'mars' }), [400, 'region_unknown'])
  const { app } = await newApp(tenantId)
  const parameters = { appId: app.id }
  const moved = { parameters, body: { region: 'aws-us-east-1' } }
  assert.deepEqual(await admin.refused('apps.update', moved), [409, 'region_immutable'])
  const stays = { parameters, body: { region: REGION, name: 'renamed' } }
  assert.equal((await admin.done('apps.update', stays)).name, 'renamed')
})

test('a second app of a tenant on the free plan is refused until the first leaves it', async () => {
  const tenantId = await newTenant()
  const first = await newApp(tenantId, { name: 'one', plan: 'free' })
  assert.equal(first.app.limits?.maxConnections, 40)
  const second = { tenantId, name: 'two', region: REGION, plan: 'free' }
  const refused = await admin.refused('apps.create', { body: second })
  assert.deepEqual(refused, [409, 'free_plan_taken'])
  const parameters = { appId: first.app.id }
  await admin.done('apps.plan', { parameters, body: { plan: 'unlimited' } })
  await newApp(tenantId, { name: 'two', plan: 'free' })
  const back = { parameters, body: { plan: 'free' } }
  assert.deepEqual(await admin.refused('apps.plan', back), [409, 'free_plan_taken'])
})

test('without an active plan no connection is taken, and what is open closes', async () => {
  const made = await newApp(await newTenant(), { plan: undefined })
  const pair = pairOf(made)
  const refused = new Wire(server.socketUrl(pair.key))
  assert.equal((await refused.closure()).code, 4003)
  const parameters = { appId: made.app.id }
  const active = { plan: 'unlimited' }
  await admin.done('apps.plan', { parameters, body: active })
  const wire = await Wire.open(server, pair)
  const body = { ...active, state: 'inactive' }
  const { receipt } = await admin.done('apps.plan', { parameters, body })
  assert.equal(receipt.closedCount, 1)
  assert.equal((await wire.closure()).code, 4009)
})

test('a repeated call gets the first answer again, the secret included, also after kill -9', async () => {
  const tenantId = await newTenant()
  const headers = { 'idempotency-key': 'create-once' }
  const body = { tenantId, name: 'once', region: REGION, plan: 'unlimited' }
  const first = await admin.call('apps.create', { body, headers })
  assert.equal(first.status, 201)
  await server.killHard()
  server = await startServer({ dataDir, config })
  const again = await admin.call('apps.create', { body, headers })
  assert.deepEqual([again.status, again.body], [201, first.body])
  assert.equal(again.headers['idempotency-replayed'], 'true')
  const other = { body: { ...body, name: 'other' }, headers }
  assert.deepEqual(await admin.refused('apps.create', other), [422, 'idempotency_mismatch'])
  const malformed = { body, headers: { 'idempotency-key': 'a b' } }
  assert.deepEqual(await admin.refused('apps.create', malformed), [400, 'input_invalid'])
})

test('a repeated deletion is told of what it did, though nothing is there any more', async () => {
  const { app } = await newApp(await newTenant())
  const call = {
    parameters: { appId: app.id },
    body: { reason: 'not needed' },
    headers: { 'idempotency-key': 'delete-once' },
  }
  const first = await admin.done('apps.delete', call)
  assert.deepEqual(await admin.done('apps.delete', call), first)
  const anew = { ...call, headers: { 'idempotency-key': 'delete-twice' } }
  assert.deepEqual(await admin.refused('apps.delete', anew), [404, 'not_found'])
})

test('a built-in plan that was changed stays changed over a restart', async () => {
  const limits = { maxConnections: 41, maxDocuments: 1, maxUsersPerDoc: 1, opsPerMinute: 1 }
  await admin.done('plans.save', { parameters: { plan: 'free' }, body: limits })
  await server.killHard()
  server = await startServer({ dataDir, config })
  const { items } = await admin.done('plans.list')
  const free = items.find(({ name }) => name === 'free')
  assert.deepEqual(free?.limits, limits)
  assert.equal(free?.isOnePerTenant, true)
})

test('a suspended tenant has no token, no connection and no call, until it is active again', async () => {
  const tenantId = await newTenant()
  const parameters = { tenantId }
  const made = await newApp(tenantId)
  const pair = pairOf(made)
  const client = { clientId: made.clientId, clientSecret: String(made.clientSecret) }
  const tokens = await buyTokens(server, client)
  const wires = [await Wire.open(server, pair), await Wire.open(server, pair)]
  const suspended = await admin.done('tenants.suspend', { parameters, body: { reason: 'unpaid' } })
  assert.equal(suspended.tenant.state, 'suspended')
  assert.equal(suspended.receipt.closedCount, 2)
  for (const wire of wires) assert.equal((await wire.closure()).code, 4009)
  assert.equal((await new Wire(server.socketUrl(pair.key)).closure()).code, 4003)
  assert.equal(await publishWith(server, pair.id, tokens.access), 403)
  await assert.rejects(buyTokens(server, client), /access_denied/)
  await admin.done('tenants.activate', { parameters })
  assert.equal(await publishWith(server, pair.id, tokens.access), 200)
  await (await Wire.open(server, pair)).close()
})

test('an app that is disabled or deleted closes what is open', async () => {
  const made = await newApp(await newTenant())
  const pair = pairOf(made)
  const parameters = { appId: made.app.id }
  const body = { reason: 'tested' }
  const first = await Wire.open(server, pair)
  const disabled = await admin.done('apps.disable', { parameters, body })
  assert.deepEqual([disabled.app.isEnabled, disabled.receipt.closedCount], [false, 1])
  assert.equal((await first.closure()).code, 4009)
  assert.equal((await new Wire(server.socketUrl(pair.key)).closure()).code, 4003)
  await admin.done('apps.enable', { parameters })
  const second = await Wire.open(server, pair)
  const deleted = await admin.done('apps.delete', { parameters, body })
  assert.equal(deleted.receipt.closedCount, 1)
  assert.equal((await second.closure()).code, 4009)
  assert.equal((await new Wire(server.socketUrl(pair.key)).closure()).code, 4001)
})

test('a changed plan holds for running apps at their next connection', async () => {
  const limits = { maxConnections: 1, maxDocuments: 1, maxUsersPerDoc: 1, opsPerMinute: 1 }
  const plan = { parameters: { plan: 'small' }, body: limits }
  await admin.done('plans.save', plan)
  const made = await newApp(await newTenant(), { plan: 'small' })
  const pair = pairOf(made)
  await Wire.open(server, pair)
  assert.equal((await new Wire(server.socketUrl(pair.key)).closure()).code, 4004)
  await admin.done('plans.save', { ...plan, body: { ...limits, maxConnections: 2 } })
  await (await Wire.open(server, pair)).close()
  const removed = { parameters: { plan: 'small' } }
  assert.deepEqual(await admin.refused('plans.remove', removed), [409, 'plan_in_use'])
})

test('input that does not fit is refused field by field, and nothing is made', async () => {
  const tenantId = await newTenant()
  const cases: readonly [Record<string, unknown>, string][] = [
    [{}, 'body.name'],
    [{ name: '' }, 'body.name'],
    [{ name: 'a\u0000b' }, 'body.name'],
    [{ name: 'x', type: 'secret' }, 'body.type'],
    [{ name: 'x', allowedDomains: ['*.example.org'] }, 'body.allowedDomains.0'],
    [{ name: 'x', allowedDomains: ['a.org', 'b.org', 'c.org', 'd.org'] }, 'body.allowedDomains'],
    [{ name: 'x', settings: { cacheTtlMs: 1 } }, 'body.settings.cacheTtlMs'],
    [{ name: 'x', settings: { enabled: false } }, 'body.settings'],
    [{ name: 'x', plan: 'No Plan' }, 'body.plan'],
    [{ name: 'x', surprise: 1 }, 'body'],
  ]
  for (const [rest, field] of cases) {
    const { status, body } = await admin.call('apps.create', {
      body: { tenantId, region: REGION, ...rest },
    })
    const problem = body as { code: string; type: string; errors: { path: string }[] }
    assert.deepEqual([status, problem.code], [400, 'input_invalid'], field)
    assert.equal(problem.type, 'about:blank')
    assert.deepEqual([...new Set(problem.errors.map(({ path }) => path))], [field])
  }
  const { items } = await admin.done('apps.list', { parameters: { tenantId } })
  assert.deepEqual(items, [])
  for (const limit of [0, 201, 1.5]) {
    const refused = await admin.refused('apps.list', { parameters: { limit } })
    assert.deepEqual(refused, [400, 'input_invalid'])
  }
})
