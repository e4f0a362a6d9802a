/** Every kind of secret over the administration, and what happens when two people rotate at once. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { type AdminAnswer, Administration, ownerKey } from '../support/administration.ts'
import { library } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { Wire } from '../support/wire.ts'

const APP = app('rotating')
const HOUR_SECONDS = 3_600
const RIVAL_COUNT = 8
const ACCOUNT = JSON.stringify({ type: 'service_account', key: 'line\n'.repeat(300) })

let dataDir = ''
let server: LiveServer
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-rotation-'))
  server = await startServer({ apps: [APP], dataDir })
})
after(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const create = (body: Readonly<Record<string, unknown>>) =>
  admin.done('credentials.create', { parameters: { appId: APP.id }, body: { name: 'x', ...body } })

async function publishWith(token: string): Promise<number> {
  const answer = await send(server.http, {
    method: 'POST',
    target: `/apps/${APP.id}/events`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'e', channel: 'news', data: 'd' }),
  })
  return answer.status
}

function valueIn(answer: AdminAnswer | undefined): string {
  const { value } = (answer?.body ?? {}) as { readonly value?: string }
  return value ?? ''
}

test('of many regenerations at once every value but the current one is dead, and one is current', async () => {
  const first = await create({ kind: 'api_key' })
  const credentialId = first.credential.id
  const answers = await Promise.all(
    Array.from({ length: RIVAL_COUNT }, () =>
      admin.call('credentials.rotate', {
        parameters: { credentialId },
        body: { overlapSeconds: 0 },
      }),
    ),
  )
  const won = answers.filter(({ status }) => status === 200)
  assert.ok(won.length > 0)
  for (const { status, code } of answers.filter((each) => !won.includes(each))) {
    assert.deepEqual([status, code], [409, 'changed_meanwhile'])
  }
  const { versions } = await admin.done('credentials.get', { parameters: { credentialId } })
  const accepted = versions.filter(({ state }) => state !== 'revoked')
  assert.deepEqual(
    accepted.map(({ state }) => state),
    ['current'],
  )
  assert.equal(versions.length, 1 + won.length)
  const values = won.map(({ body }) => body as { readonly versionId: string; value: string })
  for (const { versionId, value } of values) {
    assert.equal(await publishWith(value), versionId === accepted[0]?.id ? 200 : 401)
  }
  assert.equal(await publishWith(String(first.value)), 401)
})

test('of many rotations with an overlap at once one wins, and a third version is refused', async () => {
  const { credential, value } = await create({ kind: 'api_key' })
  const parameters = { credentialId: credential.id }
  const call = { parameters, body: { overlapSeconds: HOUR_SECONDS } }
  const answers = await Promise.all(
    Array.from({ length: RIVAL_COUNT }, () => admin.call('credentials.rotate', call)),
  )
  const won = answers.filter(({ status }) => status === 200)
  assert.equal(won.length, 1)
  for (const { status, code } of answers.filter((each) => !won.includes(each))) {
    assert.equal(status, 409)
    assert.match(String(code), /^(changed_meanwhile|too_many_active_secrets)$/)
  }
  for (const name of ['credentials.rotate', 'credentials.stage'] as const) {
    const refused = await admin.refused(name, { parameters })
    assert.deepEqual(refused, [409, 'too_many_active_secrets'])
  }
  const next = valueIn(won[0])
  for (const each of [String(value), next]) assert.equal(await publishWith(each), 200)
})

test('a value that waits is fetched once, by a POST and nothing else', async () => {
  const { credential } = await create({ kind: 'api_key' })
  const parameters = { credentialId: credential.id }
  const staged = await admin.done('credentials.stage', { parameters, body: { deliver: true } })
  assert.equal(staged.value, undefined)
  const place = { ...parameters, versionId: staged.versionId }
  // Nobody has the value: it must not take over from one that people have.
  const early = await admin.refused('credentials.promote', { parameters })
  assert.deepEqual(early, [409, 'invalid_transition'])
  const target = `/admin/v1/credentials/${credential.id}/versions/${staged.versionId}/fetch`
  const headers = { authorization: `Bearer ${ownerKey(dataDir)}` }
  for (const method of ['GET', 'HEAD']) {
    const preview = await send(server.http, { method, target, headers })
    assert.equal(preview.status, 405)
  }
  const answers = await Promise.all(
    Array.from({ length: RIVAL_COUNT }, () =>
      admin.call('credentials.fetch', { parameters: place }),
    ),
  )
  const won = answers.filter(({ status }) => status === 200)
  assert.equal(won.length, 1)
  for (const { status, code } of answers.filter((each) => !won.includes(each))) {
    assert.deepEqual([status, code], [410, 'already_fetched'])
  }
  assert.equal(await publishWith(valueIn(won[0])), 200)
  const promoted = await admin.done('credentials.promote', { parameters })
  assert.deepEqual(
    promoted.versions.map(({ state }) => state),
    ['previous', 'current'],
  )
})

test('a further app key connects and signs at once, beside the first', async () => {
  const { credential, value } = await create({ kind: 'signing_secret' })
  const pair = { key: String(credential.appKey), secret: String(value) }
  const wire = await Wire.open(server, { ...APP, ...pair })
  wire.send({ event: 'pusher:subscribe', data: { channel: 'news' } })
  await wire.next('pusher_internal:subscription_succeeded')
  const published = await library(server, APP, pair).trigger('news', 'e', { some: 'data' })
  assert.equal(published.status, 200)
  await wire.close()
})

test('webhook secrets and values of providers are made, and values rotate', async () => {
  const webhook = await create({ kind: 'webhook_secret' })
  assert.match(String(webhook.value), /^whsec_/)
  const foreign = await create({ kind: 'provider_credential', value: ACCOUNT })
  const parameters = { credentialId: foreign.credential.id }
  const without = await admin.refused('credentials.rotate', { parameters })
  assert.deepEqual(without, [400, 'input_invalid'])
  const next = { parameters, body: { value: `${ACCOUNT} ` } }
  assert.equal((await admin.done('credentials.rotate', next)).credential.versions.length, 2)
  const misplaced = { parameters: { appId: APP.id }, body: { kind: 'webhook_secret', name: 'x' } }
  const refused = await admin.refused('credentials.create', {
    ...misplaced,
    body: { ...misplaced.body, scopes: ['publish'] },
  })
  assert.deepEqual(refused, [400, 'input_invalid'])
})

test('scopes that are narrowed hold for the very next call', async () => {
  const { credential, value } = await create({ kind: 'api_key' })
  const parameters = { credentialId: credential.id }
  assert.equal(await publishWith(String(value)), 200)
  await admin.done('credentials.update', { parameters, body: { scopes: ['publish:other'] } })
  assert.equal(await publishWith(String(value)), 403)
  await admin.done('credentials.update', { parameters, body: { scopes: null } })
  assert.equal(await publishWith(String(value)), 200)
})

test('a policy is shown, changed in its bounds, and refused beyond them', async () => {
  const { credential } = await create({ kind: 'api_key' })
  const parameters = { credentialId: credential.id }
  const policy = { overlapDefaultSeconds: 60, maxAgeDays: 30, isAutomatic: true }
  const changed = await admin.done('credentials.update', { parameters, body: { policy } })
  const { overlapMaxSeconds } = credential.policy
  assert.deepEqual(changed.policy, { ...policy, overlapMaxSeconds })
  const laxer = { policy: { overlapMaxSeconds: overlapMaxSeconds + 1 } }
  const denied = await admin.refused('credentials.update', { parameters, body: laxer })
  assert.deepEqual(denied, [403, 'policy_denied'])
  const nonsense = { policy: { isAutomatic: 'yes', other: 1 } }
  const invalid = await admin.refused('credentials.update', { parameters, body: nonsense })
  assert.deepEqual(invalid, [400, 'input_invalid'])
})

test('the report lists what the key may see, page by page, and the metrics follow', async () => {
  const { credential } = await create({ kind: 'api_key' })
  const parameters = { credentialId: credential.id }
  await admin.done('credentials.rotate', { parameters, body: { overlapSeconds: HOUR_SECONDS } })
  const found: string[] = []
  let cursor: string | undefined
  do {
    const page = { limit: 3, ...(cursor === undefined ? {} : { cursor }) }
    const answer = await admin.done('credentials.report', { parameters: page })
    found.push(...answer.items.map(({ credentialId }) => credentialId))
    cursor = answer.nextCursor
  } while (cursor !== undefined)
  assert.equal(new Set(found).size, found.length)
  assert.ok(found.includes(credential.id))
  const all = await admin.done('credentials.report', { parameters: { limit: 200 } })
  const line = all.items.find(({ credentialId }) => credentialId === credential.id)
  assert.equal(line?.isNeverUsed, true)
  assert.equal(line?.version, 2)
  assert.ok(line?.overlapUntil !== undefined)
  assert.ok((await server.metric('lockgate_credential_overlaps_open')) > 0)
})
