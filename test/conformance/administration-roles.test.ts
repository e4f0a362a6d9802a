/** What the keys of one tenant reach over HTTP: its own things, by their role, and nothing else. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { OPERATIONS, type OperationName } from '../../packages/admin-api/src/operations.ts'
import type { Role } from '../../packages/admin-api/src/permissions.ts'
import { type AdminCall, Administration, ownerKey } from '../support/administration.ts'
import { type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

let dataDir = ''
let server: LiveServer
const installation = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

/** Things of one tenant that calls can name. */
interface Things {
  readonly tenantId: string
  readonly appId: string
  readonly credentialId: string
  readonly endpointId: string
  readonly memberId: string
  readonly operatorId: string
}

const MISSING: Things = {
  tenantId: '11111111-1111-4111-8111-111111111111',
  appId: 'none',
  credentialId: 'cred_none',
  endpointId: 'whe_none',
  memberId: 'mem_none',
  operatorId: 'cred_none',
}

let own: Things
let other: Things
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-roles-'))
  server = await startServer({ dataDir })
  own = await makeThings('Own')
  other = await makeThings('Other')
})
after(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

async function makeThings(name: string): Promise<Things> {
  const { id: tenantId } = await installation.done('tenants.create', { body: { name } })
  const parameters = { tenantId }
  const { app } = await installation.done('apps.create', {
    body: { tenantId, name: 'chat', plan: 'unlimited' },
  })
  const { items } = await installation.done('credentials.list', { parameters: { appId: app.id } })
  const person = { email: 'ada@example.org', name: 'Ada', role: 'owner' }
  const member = await installation.done('members.add', { parameters, body: person })
  const { webhook } = await installation.done('webhooks.create', {
    parameters: { appId: app.id },
    body: WEBHOOK,
  })
  const operator = await makeKey('viewer', tenantId)
  return {
    tenantId,
    appId: app.id,
    credentialId: items[0]?.id ?? '',
    endpointId: webhook.id,
    memberId: member.id,
    operatorId: operator.id,
  }
}

const WEBHOOK = {
  name: 'orders',
  receiverUrl: 'https://hooks.example.org/in',
  events: ['channel.occupied' as const],
}

async function makeKey(role: Role, tenantId: string) {
  const body = { name: role, role, tenantId }
  const { credential, value } = await installation.done('operators.create', { body })
  return { id: credential.id, value: value ?? '' }
}

async function as(role: Role): Promise<Administration> {
  return installation.as((await makeKey(role, own.tenantId)).value)
}

const reason = 'tested'
const versionId = 'ver_none'
const acceptUntil = '2099-01-01T00:00:00Z'
const LIMITS = { maxConnections: 1, maxDocuments: 1, maxUsersPerDoc: 1, opsPerMinute: 1 }

/** A well-formed body for each operation that asks for more than nothing. */
const BODIES: Partial<Record<OperationName, (things: Things) => AdminCall['body']>> = {
  'tenants.create': () => ({ name: 'New' }),
  'tenants.update': () => ({ name: 'Renamed' }),
  'tenants.suspend': () => ({ reason }),
  'members.add': () => ({ email: 'eve@example.org', name: 'Eve', role: 'viewer' }),
  'members.update': () => ({ name: 'Renamed' }),
  'plans.save': ({ tenantId }) => ({ tenantId, ...LIMITS }),
  'apps.create': ({ tenantId }) => ({ tenantId, name: 'another' }),
  'apps.update': () => ({ name: 'renamed' }),
  'apps.convert': () => ({ type: 'public', reason }),
  'apps.disable': () => ({ reason }),
  'apps.plan': () => ({ plan: 'free' }),
  'apps.delete': () => ({ reason }),
  'limits.reset': () => ({ name: 'publish.app' }),
  'limits.unblock': () => ({ ip: '192.0.2.1' }),
  'credentials.create': () => ({ kind: 'api_key', name: 'key' }),
  'credentials.update': () => ({ name: 'renamed' }),
  'credentials.extend': () => ({ acceptUntil, reason }),
  'credentials.disable': () => ({ versionId }),
  'credentials.enable': () => ({ versionId }),
  'credentials.remove': () => ({ versionId }),
  'credentials.revoke': () => ({ reason }),
  'webhooks.create': () => ({ ...WEBHOOK, name: 'another' }),
  'webhooks.update': () => ({ name: 'renamed' }),
  'webhooks.disable': () => ({ reason }),
  'webhooks.remove': () => ({ reason }),
  'deliveries.discard': () => ({ deliveryId: 'whd_none', reason }),
  'history.delete': () => ({ reason }),
  'documents.delete': () => ({ name: 'notes', reason }),
  'tokens.revoke': () => ({ tokenId: 'none', reason }),
  'signing-keys.revoke': () => ({ reason }),
  'token-keys.revoke': () => ({ reason }),
  'operators.create': ({ tenantId }) => ({ tenantId, name: 'key', role: 'viewer' }),
  'operators.revoke': () => ({ reason }),
  'rules.create': () => ({ name: 'web', rules: [] }),
  'rules.update': () => ({ rules: [] }),
  'rules.validate': () => ({ rules: [] }),
  'rules.import': () => ({ dialect: 'policy', document: { version: '2' } }),
  'rules.explain': () => ({ action: 'publish', topic: 'a' }),
  'integrations.create': () => ({ name: 'web' }),
  'integrations.update': () => ({ ruleSet: 'default' }),
  'revocations.create': ({ appId }) => ({ kind: 'app', appId, reason }),
}

/** A call that names the thing wherever the operation takes a name for it. */
function callOf(name: OperationName, things: Things): AdminCall {
  const { shape } = OPERATIONS[name].parameters
  const isOfOperator = name.startsWith('operators.')
  const credentialId = isOfOperator ? things.operatorId : things.credentialId
  const { tenantId, appId, memberId, endpointId } = things
  const ids = { tenantId, appId, memberId, endpointId, credentialId, versionId }
  const ofRules = { ruleSet: 'web', integration: 'web', dialect: 'policy' }
  const named = { ...ids, ...ofRules, plan: 'pro' }
  const parameters = Object.fromEntries(
    Object.entries(named).filter(([key]) => Object.hasOwn(shape, key)),
  )
  const body = BODIES[name]?.(things)
  return { parameters, ...(body === undefined ? {} : { body }) }
}

const NAMES = Object.keys(OPERATIONS) as OperationName[]
const isStream = (name: OperationName) => 'isStream' in OPERATIONS[name]
/** These work something out of what they are sent, and save nothing. */
const OF_READERS: readonly OperationName[] = ['rules.validate', 'rules.explain']
const isChange = (name: OperationName) =>
  OPERATIONS[name].method !== 'GET' && !OF_READERS.includes(name)
/** Those that name no thing of a tenant. */
const OF_NOTHING: readonly OperationName[] = [
  'whoami',
  'tenants.list',
  'tenants.create',
  'regions.list',
  'limits.unblock',
  'audit.public-key',
  'token-keys.status',
  'token-keys.rotate',
  'token-keys.revoke',
  'master-key.status',
  'master-key.rotate',
  'master-key.rewrap',
]

test('what another tenant has reads the same as what is not there, for every operation', async () => {
  const owner = await as('owner')
  for (const name of NAMES) {
    if (OF_NOTHING.includes(name) || isStream(name)) continue
    const [foreign, missing] = await Promise.all([
      owner.call(name, callOf(name, other)),
      owner.call(name, callOf(name, MISSING)),
    ])
    assert.deepEqual([name, foreign.status, foreign.body], [name, 404, missing.body])
    assert.equal(missing.status, 404)
  }
})

test('a key of the installation is not there for the owner of a tenant', async () => {
  const owner = await as('owner')
  const { items } = await installation.done('operators.list')
  const first = items.find(({ tenantId }) => tenantId === undefined)
  const credentialId = first?.id ?? ''
  const missing = await owner.call('credentials.get', { parameters: MISSING_CREDENTIAL })
  const found = await owner.call('credentials.get', { parameters: { credentialId } })
  assert.deepEqual([found.status, found.body], [404, missing.body])
  const ended = await owner.refused('operators.revoke', {
    parameters: { credentialId },
    body: { reason },
  })
  assert.deepEqual(ended, [404, 'not_found'])
})

const MISSING_CREDENTIAL = { credentialId: MISSING.credentialId }

test("an app of another tenant is none where a call on one's own tenant names it", async () => {
  const owner = await as('owner')
  const parameters = { tenantId: own.tenantId }
  const asked = { action: 'publish', topic: 'a', app: other.appId }
  const explained = await owner.refused('rules.explain', { parameters, body: asked })
  assert.deepEqual(explained, [404, 'not_found'])
  const body = { name: 'foreign', app: other.appId }
  const made = await owner.refused('integrations.create', { parameters, body })
  assert.deepEqual(made, [400, 'input_invalid'])
})

test("one's own app does not open the rules of another tenant", async () => {
  const owner = await as('owner')
  const parameters = { tenantId: other.tenantId }
  const body = { action: 'publish', topic: 'a', app: own.appId }
  const refused = await owner.refused('rules.explain', { parameters, body })
  assert.deepEqual(refused, [404, 'not_found'])
})

test('lists show a tenant nothing of another', async () => {
  const owner = await as('owner')
  const listed = await Promise.all([
    owner.done('tenants.list'),
    owner.done('apps.list'),
    owner.done('operators.list'),
    owner.done('plans.list'),
  ])
  const text = JSON.stringify(listed)
  assert.ok(text.includes(own.tenantId))
  for (const id of Object.values(other)) assert.ok(!text.includes(id), id)
})

test('who may only read changes nothing, with whatever operation', async () => {
  for (const role of ['viewer', 'auditor'] as const) {
    const reader = await as(role)
    for (const name of NAMES.filter(isChange)) {
      const refused = await reader.refused(name, callOf(name, own))
      assert.deepEqual([role, name, ...refused], [role, name, 403, 'operation_denied'])
    }
  }
})

/** Beside what everybody may not who has a key of one tenant. */
const DENIED: Readonly<Record<'developer' | 'admin' | 'owner', readonly OperationName[]>> = {
  developer: [
    'tenants.update',
    'members.list',
    'members.add',
    'members.update',
    'members.remove',
    'operators.list',
    'operators.create',
    'operators.revoke',
    'signing-keys.rotate',
    'signing-keys.revoke',
    'integrations.create',
    'integrations.update',
    'integrations.enable',
    'integrations.disable',
    'integrations.remove',
    'audit.list',
    'audit.checkpoints',
    'audit.public-key',
  ],
  admin: ['operators.create', 'operators.revoke'],
  owner: [],
}
const OF_INSTALLATION: readonly OperationName[] = [
  'tenants.create',
  'tenants.activate',
  'tenants.suspend',
  'plans.save',
  'plans.remove',
  'limits.unblock',
  'token-keys.status',
  'token-keys.rotate',
  'token-keys.revoke',
  'master-key.status',
  'master-key.rotate',
  'master-key.rewrap',
]

test('every role of a tenant is denied what is not its own to do', async () => {
  for (const [role, names] of Object.entries(DENIED)) {
    const caller = await as(role as Role)
    for (const name of [...names, ...OF_INSTALLATION]) {
      const refused = await caller.refused(name, callOf(name, own))
      assert.deepEqual([role, name, ...refused], [role, name, 403, 'operation_denied'])
    }
  }
})

test('nobody below an owner gets the value of an operator key by rotating it', async () => {
  const key = await makeKey('owner', own.tenantId)
  const call = { parameters: { credentialId: key.id } }
  for (const role of ['admin', 'developer', 'auditor', 'viewer'] as const) {
    const caller = await as(role)
    assert.deepEqual(await caller.refused('credentials.rotate', call), [403, 'operation_denied'])
  }
  const owner = installation.as(key.value)
  const rotated = await owner.done('credentials.rotate', call)
  assert.equal((await installation.as(rotated.value ?? '').done('whoami')).role, 'owner')
})

test("the keys a tenant's owner makes are of that tenant, also where it names none", async () => {
  const owner = await as('owner')
  const made = await owner.done('operators.create', { body: { name: 'mine', role: 'owner' } })
  assert.equal(made.credential.tenantId, own.tenantId)
})

test('a key of a tenant puts apps on plans that are open to it, and the audit has the rest', async () => {
  const { tenantId, appId } = await makeThings('Chooser')
  const caller = installation.as((await makeKey('developer', tenantId)).value)
  const parameters = { appId }
  const { items } = await caller.done('plans.list')
  const shown = items.map(({ name, isOpenToTenants }) => [name, isOpenToTenants])
  assert.deepEqual(shown, [
    ['free', true],
    ['unlimited', false],
  ])
  await caller.done('apps.plan', { parameters, body: { plan: 'free' } })
  const call = { parameters, body: { plan: 'unlimited' } }
  assert.deepEqual(await caller.refused('apps.plan', call), [403, 'plan_closed'])
  const made = { body: { name: 'wide', plan: 'unlimited' } }
  const { body } = await caller.call('apps.create', made)
  const { code, title } = body as { readonly code: string; readonly title: string }
  assert.equal(code, 'plan_closed')
  assert.match(title, /List the plans for those that are, or ask whoever runs the installation/)
  assert.equal((await installation.done('apps.get', { parameters })).plan, 'free')
  assert.deepEqual(await deniedRows(tenantId, 2), [
    ['plan_closed', 'apps.plan', appId],
    ['plan_closed', 'apps.create', undefined],
  ])
})

test('what only a change itself can tell that its caller may not is in the audit too', async () => {
  const { tenantId, appId, memberId } = await makeThings('Wider')
  const developer = installation.as((await makeKey('developer', tenantId)).value)
  const settings = { clientEventsPerSecondMax: 11 }
  const { body } = await developer.call('apps.update', {
    parameters: { appId },
    body: { settings },
  })
  const { code, detail } = body as { readonly code: string; readonly detail: string }
  assert.deepEqual(
    [code, detail],
    ['limit_widened', 'Keep client_events.connection 10/1s, or less than that.'],
  )
  const admin = installation.as((await makeKey('admin', tenantId)).value)
  const demoted = { parameters: { tenantId, memberId }, body: { role: 'viewer' } }
  assert.deepEqual(await admin.refused('members.update', demoted), [403, 'role_too_high'])
  assert.deepEqual(await deniedRows(tenantId, 2), [
    ['limit_widened', 'apps.update', appId],
    ['role_too_high', 'members.update', tenantId],
  ])
})

/** @returns of each of at least `count` rows of denials: why, of which operation, on what. */
async function deniedRows(tenantId: string, count: number): Promise<unknown[]> {
  const call = { parameters: { tenantId, limit: 200 } }
  const rows = await until(`${count} denials in the audit`, async () => {
    const { items } = await installation.done('audit.list', call)
    const denied = items.filter(({ entry }) => entry['action'] === 'auth.denied')
    return denied.length >= count && denied
  })
  return rows.map(({ entry }) => {
    const { id, name } = Object(entry['target'])
    return [entry['reason'], id, name]
  })
}

test('pages of apps follow one another, and a cursor of another list is refused', async () => {
  const owner = await as('owner')
  const names = ['a', 'b', 'c']
  for (const name of names) await owner.done('apps.create', { body: { name } })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const parameters = { limit: 2, ...(cursor === undefined ? {} : { cursor }) }
    const page = await owner.done('apps.list', { parameters })
    assert.ok(page.items.length <= 2)
    seen.push(...page.items.map(({ name }) => name))
    cursor = page.nextCursor
    if (cursor === undefined) continue
    const foreign = { parameters: { cursor } }
    assert.deepEqual(await owner.refused('operators.list', foreign), [400, 'input_invalid'])
  } while (cursor !== undefined)
  assert.deepEqual(seen, ['chat', ...names])
})
