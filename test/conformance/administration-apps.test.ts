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
