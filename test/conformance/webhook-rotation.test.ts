/**
 * Webhook endpoints as people operate them, and rotations of what signs: receivers verify with npm
 * `standardwebhooks`, `svix` and `pusher` before, during and after.
 */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { Administration, ownerKey, type ResultOf } from '../support/administration.ts'
import { Clients, library, subscribed } from '../support/clients.ts'
import { type Ended, lockgate } from '../support/command.ts'
import { EventReceiver, type Received } from '../support/event-receiver.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const DECLARED_SECRET = `whsec_${Buffer.from('a declared secret of 32 bytes ok').toString('base64')}`
const STANDARD = app('rotation-standard')
const PUSHER = app('rotation-pusher')
const OPERATED = app('rotation-operated')
const CONFIG = { outbound: { allowedNetworks: ['127.0.0.0/8'] } }

let dataDir = ''
let server: LiveServer
let receiver: EventReceiver
const clients = new Clients(() => server)
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)

async function start(): Promise<void> {
  const webhook = {
    name: 'from the file',
    url: `${receiver.url}?token=of-the-receiver`,
    events: ['message.published'],
    secret: DECLARED_SECRET,
  }
  const declared = app('rotation-declared', { webhooks: [webhook] })
  server = await startServer({
    apps: [STANDARD, PUSHER, OPERATED, declared],
    dataDir,
    config: CONFIG,
  })
}

before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-rotation-'))
  receiver = await EventReceiver.open()
  await start()
})
beforeEach(() => {
  receiver.all.length = 0
  receiver.judge = undefined
})
after(async () => {
  clients.closeAll()
  await server.stop()
  await receiver.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const headersOf = ({ headers }: Received) => headers as Record<string, string>

/** How both libraries judge a delivery under a secret; they have to agree. */
function isVerified(secret: string, delivery: Received): boolean {
  const judged = [new Webhook(secret), new SvixWebhook(secret)].map((verifier) => {
    try {
      verifier.verify(delivery.rawBody, headersOf(delivery))
      return true
    } catch (error) {
      assert.match(String(error), /No matching signature/)
      return false
    }
  })
  assert.equal(judged[0], judged[1])
  return judged[0] === true
}

/** Publishes one event. @returns what the receiver got for it. */
async function delivered(target: typeof STANDARD, channel: string): Promise<Received> {
  await library(server, target).trigger(channel, 'e', channel)
  const isIt = ({ rawBody }: Received) => rawBody.includes(`"${channel}"`)
  return until(`${channel} is told`, () => receiver.all.find(isIt))
}

async function makeEndpoint(appId: string, more: Readonly<Record<string, unknown>> = {}) {
  const body = { name: 'hooks', receiverUrl: receiver.url, events: ['message.published'], ...more }
  const made = await admin.done('webhooks.create', { parameters: { appId }, body })
  return { id: made.webhook.id, webhook: made.webhook, secret: made.value ?? '' }
}

const probe = (endpointId: string) => admin.done('webhooks.probe', { parameters: { endpointId } })

test('a rotation loses no delivery, and the old secret ends when the new one is proved', async () => {
  const { id: endpointId, secret: first } = await makeEndpoint(STANDARD.id)
  const known = new Set([first])
  receiver.judge = (each) => ([...known].some((secret) => isVerified(secret, each)) ? 204 : 401)
  assert.ok(isVerified(first, await delivered(STANDARD, 'before')))
  const rotated = await admin.done('webhooks.rotate', {
    parameters: { endpointId },
    body: { overlapSeconds: 3_600, dropWhenAdopted: true },
  })
  const second = rotated.value ?? ''
  assert.match(second, /^whsec_[0-9A-Za-z+/]{48}$/)
  // The receiver has not changed anything yet: it is served, and the probe says so.
  const during = await delivered(STANDARD, 'during')
  assert.ok(isVerified(first, during) && isVerified(second, during))
  const early = await probe(endpointId)
  assert.deepEqual(
    [early.isAdopted, early.outcome, early.receiverVerifies],
    [false, '401', undefined],
  )
  const parameters = { credentialId: rotated.credential.id }
  const readiness = await admin.done('credentials.readiness', { parameters })
  assert.equal(readiness.canDisable, false)
  assert.match(readiness.blockers[0] ?? '', /has not proved that it has version 2/)
  // Now it has both, and then the new one alone.
  known.add(second)
  known.delete(first)
  const proved = await probe(endpointId)
  assert.deepEqual([proved.isAdopted, proved.receiverVerifies], [true, true])
  const states = await versionStates(rotated.credential.id)
  assert.deepEqual(states, ['disabled', 'current'])
  const last = await delivered(STANDARD, 'afterwards')
  assert.ok(isVerified(second, last) && !isVerified(first, last))
  const heard = receiver.all.map(({ rawBody }) => JSON.parse(rawBody) as { type: string })
  assert.deepEqual(heard.filter(({ type }) => type === 'webhook.probe').length, 1)
})

async function versionStates(credentialId: string): Promise<readonly string[]> {
  const { versions } = await admin.done('credentials.get', { parameters: { credentialId } })
  return versions.map(({ state }) => state)
}

test('a receiver that verifies nothing proves nothing, and is named', async () => {
  const { id: endpointId } = await makeEndpoint(STANDARD.id, { name: 'careless' })
  const probed = await probe(endpointId)
  assert.deepEqual([probed.isAdopted, probed.receiverVerifies], [false, false])
  assert.equal(probed.webhook.proof?.state, 'unverifying')
})

test('a receiver of Ed25519 verifies with the public key that is shown, through a rotation', async () => {
  const more = { name: 'pair', algorithm: 'ed25519' }
  const { id: endpointId, secret, webhook } = await makeEndpoint(OPERATED.id, more)
  assert.equal(secret, '')
  const [first] = publicKeysOf(webhook)
  assert.deepEqual(verifiedBy(first ?? '', await delivered(OPERATED, 'ed-before')), [true])
  const rotated = await admin.done('webhooks.rotate', { parameters: { endpointId }, body: {} })
  assert.equal(rotated.value, undefined)
  const [second, old] = publicKeysOf(rotated.webhook)
  assert.equal(old, first)
  const during = await delivered(OPERATED, 'ed-during')
  assert.deepEqual(verifiedBy(second ?? '', during), [true, false])
  assert.deepEqual(verifiedBy(first ?? '', during), [false, true])
})

const publicKeysOf = (webhook: ResultOf<'webhooks.get'>) =>
  (webhook.publicKeys ?? []).map(({ publicKey }) => publicKey)

/** Which of the signatures of a delivery hold under a public key, `whpk_...`. */
function verifiedBy(text: string, delivery: Received): boolean[] {
  const x = Buffer.from(text.slice('whpk_'.length), 'base64').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const headers = headersOf(delivery)
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${delivery.rawBody}`
  return (headers['webhook-signature'] ?? '').split(' ').map((each) => {
    const [version, signature = ''] = each.split(',')
    assert.equal(version, 'v1a')
    return verify(null, Buffer.from(signed), key, Buffer.from(signature, 'base64'))
  })
}

test('a Pusher receiver with both tokens loses nothing, whichever of them signs', async () => {
  await makeEndpoint(PUSHER.id, { format: 'pusher', events: ['channel.occupied', 'cache_miss'] })
  const { items } = await admin.done('credentials.list', { parameters: { appId: PUSHER.id } })
  const signing = items.find(({ kind }) => kind === 'signing_secret')
  assert.ok(signing !== undefined)
  const parameters = { credentialId: signing.id }
  const isValid = (delivery: Received, secret: string, extra: string) => {
    const given = { headers: headersOf(delivery), rawBody: delivery.rawBody }
    const token = { key: PUSHER.key, secret: extra }
    return library(server, PUSHER, { key: PUSHER.key, secret }).webhook(given).isValid([token])
  }
  assert.ok(isValid(await occupied('one'), PUSHER.secret, PUSHER.secret))
  const body = { overlapSeconds: 3_600 }
  const { value: second = '' } = await admin.done('credentials.rotate', { parameters, body })
  const during = await occupied('two')
  assert.ok(isValid(during, PUSHER.secret, PUSHER.secret), 'the oldest accepted one signs')
  assert.ok(!isValid(during, second, second))
  assert.ok(isValid(during, second, PUSHER.secret))
  const versionId = signing.versions[0]?.id
  const reason = 'every receiver has the new one'
  await admin.done('credentials.disable', { parameters, body: { versionId, force: true, reason } })
  const last = await occupied('three')
  assert.ok(isValid(last, second, PUSHER.secret) && !isValid(last, PUSHER.secret, PUSHER.secret))
})

/** Somebody subscribes. @returns what the receiver got for it. */
async function occupied(channel: string): Promise<Received> {
  await subscribed(await clients.connected(PUSHER), channel)
  const isIt = ({ rawBody }: Received) => rawBody.includes(`"${channel}"`)
  return until(`${channel} is told`, () => receiver.all.find(isIt))
}

test('a receiver that answers 410 is not called again until somebody says so', async () => {
  const { id: endpointId } = await makeEndpoint(OPERATED.id, { name: 'gone' })
  receiver.judge = ({ rawBody }) => (rawBody.includes('"goodbye"') ? 410 : 204)
  await library(server, OPERATED).trigger('goodbye', 'e', '')
  const parameters = { endpointId }
  const gone = await until('it is disabled', async () => {
    const webhook = await admin.done('webhooks.get', { parameters })
    return webhook.isEnabled ? undefined : webhook
  })
  assert.equal(gone.disabled?.reason, 'gone')
  const enabled = await admin.done('webhooks.enable', {
    parameters,
    body: { reason: 'it is back' },
  })
  assert.equal(enabled.isEnabled, true)
  await admin.done('webhooks.remove', { parameters, body: { reason: 'tested' } })
})

/** As a person does. */
function run(...args: readonly string[]): Promise<Ended> {
  const environment = { LOCKGATE_OPERATOR_KEY: ownerKey(dataDir), LOCKGATE_URL: server.http }
  return lockgate(args, { environment })
}

test('people make, look at, change, ask and remove an endpoint on the command line', async () => {
  const url = `${receiver.url}?token=of-the-receiver`
  const flags = ['--name', 'by hand', '--receiver-url', url, '--event', 'cache_miss']
  const created = await run('webhooks', 'create', OPERATED.id, ...flags, '--event', 'auth.failed')
  assert.equal(created.code, 0, created.stderr)
  const [secret = ''] = /whsec_\S+/.exec(created.stdout) ?? []
  const [endpointId = ''] = /whe_\w+/.exec(created.stdout) ?? []
  receiver.judge = (each) => (isVerified(secret, each) ? 204 : 401)
  const outputs = [
    await run('webhooks', 'list', OPERATED.id),
    await run('webhooks', 'get', endpointId, '--json'),
    await run('webhooks', 'update', endpointId, '--channel-prefix', 'shop-'),
    await run('webhooks', 'probe', endpointId),
    await run('webhooks', 'disable', endpointId, '--reason', 'maintenance'),
    await run('webhooks', 'enable', endpointId),
    await run('webhooks', 'rotate', endpointId, '--overlap', '1h', '--drop-when-adopted'),
    await run('webhooks', 'remove', endpointId, '--reason', 'tested'),
    await run('audit', 'export'),
  ]
  for (const { code, stdout, stderr } of outputs) {
    assert.equal(code, 0, stderr)
    assert.ok(!stdout.includes(secret) && !stdout.includes('of-the-receiver'), stdout)
  }
  const [list, , , probed, disabled] = outputs.map(({ stdout }) => stdout)
  assert.match(list ?? '', /by hand/)
  assert.match(probed ?? '', /adopted +yes/)
  assert.match(probed ?? '', /receiver verifies +yes/)
  assert.match(disabled ?? '', /operator/)
  const gone = await run('webhooks', 'get', endpointId)
  assert.notEqual(gone.code, 0)
  assert.ok(!`${server.stdout}${server.stderr}`.includes(secret))
  assert.ok(!`${server.stdout}${server.stderr}`.includes('of-the-receiver'))
})

test('an endpoint of the configuration signs with its secret, and survives a restart as it is', async () => {
  const parameters = { appId: 'rotation-declared' }
  const list = () => admin.done('webhooks.list', { parameters })
  const first = await list()
  assert.deepEqual(
    first.items.map(({ name, isDeclared, receiverUrl }) => [name, isDeclared, receiverUrl]),
    [['from the file', true, `${receiver.url}?***`]],
  )
  const declared = app('rotation-declared')
  assert.ok(isVerified(DECLARED_SECRET, await delivered(declared, 'declared')))
  await server.stop()
  await start()
  assert.deepEqual(await list(), first)
  assert.ok(isVerified(DECLARED_SECRET, await delivered(declared, 'restarted')))
})
