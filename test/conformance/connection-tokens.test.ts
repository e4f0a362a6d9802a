/**
 * Connection tokens with an unmodified MQTT client on a started server: let in, renewed in place,
 * back with the first password, and closed by whatever ends them (contract CloudSignal 2.4, 3.4).
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { Administration, ownerKey } from '../support/administration.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { type Token, TokenDriver } from '../support/token-driver.ts'
import { until } from '../support/wait.ts'

const ORGANIZATION = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const BAD_CREDENTIAL = { 5: 0x86, 4: 4 } as const
/** MQTT 5 §3.14.2.1. */
const ADMINISTRATIVE = 0x98
/** A machine that is busy otherwise may take a while; the bound itself is measured elsewhere. */
const SOON_MS = 5_000

const home = mkdtempSync(join(tmpdir(), 'lockgate-tokens-'))
const dataDir = join(home, 'data')
const clients: MqttClient[] = []
let server: LiveServer
let secret: { readonly value: string; readonly id: string }

const administration = () =>
  new Administration(
    () => server,
    () => ownerKey(dataDir),
  )

before(async () => {
  const strict = app('strict', { tokenReplaceDisconnects: true })
  server = await startServer({ apps: [app('chat'), strict], dataDir })
  secret = await makeKey('minting')
})

after(async () => {
  for (const client of clients) client.end(true)
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

async function makeKey(name: string, appId = 'chat') {
  const made = await administration().done('credentials.create', {
    parameters: { appId },
    body: { kind: 'api_key', name, prefix: 'sk' },
  })
  return { value: made.value ?? '', id: made.credential.id }
}

const driver = () => new TokenDriver(server.http)

const mint = (user: string, more: object = {}) =>
  driver().create({
    organization_id: ORGANIZATION,
    secret_key: secret.value,
    user_email: `${user}@example.com`,
    ...more,
  })

interface Opening extends IClientOptions {
  readonly token: Token
}

/** @returns once it is connected, or refused. */
function open({ token, ...options }: Opening): Promise<MqttClient | number> {
  const client = mqtt.connect(server.http.replace('http', 'ws'), {
    ...token.mqtt_credentials,
    protocolVersion: 5,
    clean: false,
    reconnectPeriod: 0,
    ...options,
  })
  clients.push(client)
  return new Promise((resolve) => {
    client.once('connect', () => resolve(client))
    client.once('error', (error) => {
      resolve('code' in error && typeof error.code === 'number' ? error.code : -1)
    })
  })
}

async function opened(opening: Opening): Promise<MqttClient> {
  const client = await open(opening)
  if (typeof client === 'number') throw new Error(`refused with ${client}`)
  return client
}

function closed(client: MqttClient): Promise<number | undefined> {
  let reason: number | undefined
  client.once('disconnect', (packet) => {
    reason = packet.reasonCode
  })
  return new Promise((resolve) => client.once('close', () => resolve(reason)))
}

function manage(target: string, body: object) {
  const headers = { authorization: `Bearer ${secret.value}` }
  return send(server.http, { method: 'POST', target, body: JSON.stringify(body), headers })
}

test('a page publishes and receives, and is refused outside its token', async () => {
  const acl = { publish: ['rooms/+/chat'], subscribe: ['rooms/#'] }
  const client = await opened({ token: await mint('ann', { acl }), clientId: 'page' })
  const received: string[] = []
  client.on('message', (topic, payload) => received.push(`${topic} ${payload.toString()}`))
  await client.subscribeAsync('rooms/#', { qos: 1 })
  await client.publishAsync('rooms/1/chat', 'hello', { qos: 1 })
  await until('the message has come', () => received.length === 1)
  assert.deepEqual(received, ['rooms/1/chat hello'])
  const denied = client.subscribeAsync('other', { qos: 1 })
  await assert.rejects(denied, /Not authorized/)
  const forbidden = client.publishAsync('rooms/1/other', 'x', { qos: 1 })
  await assert.rejects(forbidden, /Not authorized/)
})

for (const level of [5, 4] as const) {
  test(`level ${level}: refreshed twice, the first password brings back whom it let in`, async () => {
    const first = await mint(`bob-${level}`)
    const clientId = `tab-${level}`
    const options = { protocolVersion: level, clean: true } as const
    const client = await opened({ token: first, clientId, ...options })
    const second = await driver().refresh(first)
    const third = await driver().refresh(second)
    // What is open stays open.
    assert.equal(client.connected, true)
    client.stream.destroy()
    await opened({ token: first, clientId, ...options })
    const other = await open({ token: first, clientId: `thief-${level}`, ...options })
    assert.equal(other, BAD_CREDENTIAL[level])
    await opened({ token: third, clientId: `new-${level}`, ...options })
  })
}

test('what is not a token of this organization is refused as one answer', async () => {
  const token = await mint('carl')
  const { username, password } = token.mqtt_credentials
  const wrong = [
    { username, password: `${password}x` },
    { username: username.replace('org_k7xm4pqr2n5t', 'org_nobody'), password },
    { username: `x${username}`, password },
  ]
  for (const credentials of wrong) {
    const outcome = await open({ token, ...credentials, clientId: 'c' })
    assert.equal(outcome, BAD_CREDENTIAL[5])
  }
  const named = username.replace('org_k7xm4pqr2n5t', ORGANIZATION)
  await opened({ token, username: named, clientId: 'c' })
})

test('revoking a token, its user or its key closes what is connected', async () => {
  const ends: readonly [string, (token: Token) => Promise<unknown>][] = [
    ['dora', ({ token_id }) => manage('/v2/tokens/revoke', { token_id })],
    ['emil', ({ user_email }) => manage('/v2/tokens/revoke', { user_email })],
    ['fred', (token) => administration().done('tokens.revoke', revoking(token))],
    ['gina', () => administration().done('credentials.revoke', revokingKey())],
  ]
  for (const [user, end] of ends) {
    const token = await mint(user)
    const clientId = `of-${user}`
    const client = await opened({ token, clientId })
    const closing = closed(client)
    const startMs = performance.now()
    await end(token)
    const reason = await closing
    assert.ok(performance.now() - startMs < SOON_MS, user)
    assert.equal(reason, 0x87, user)
    const again = await open({ token, clientId })
    assert.ok(again === 0x86 || again === 0x87, user)
  }
  secret = await makeKey('minting again')
})

test('a token that is replaced lets nobody in, and leaves open what is open', async () => {
  const first = await mint('hans')
  const client = await opened({ token: first, clientId: 'open' })
  const second = await mint('hans')
  const again = await open({ token: first, clientId: 'open-2' })
  assert.ok(again === 0x86 || again === 0x87)
  await opened({ token: second, clientId: 'open-3' })
  await client.publishAsync('rooms/1', 'still here', { qos: 1 })
  const listed = await send(server.http, {
    method: 'GET',
    target: '/v2/tokens?user_email=hans@example.com',
    headers: { authorization: `Bearer ${secret.value}` },
  })
  const rows = JSON.parse(listed.body).tokens.map(
    (row: Readonly<Record<string, unknown>>) =>
      `${String(row['status'])} ${String(row['connections'])}`,
  )
  assert.deepEqual(rows, ['replaced 1', 'active 1'])
})

test('where the app wants it, a token that is replaced closes its connections', async () => {
  const { value } = await makeKey('minting', 'strict')
  const first = await mint('ines', { secret_key: value })
  const closing = closed(await opened({ token: first, clientId: 'old' }))
  const second = await mint('ines', { secret_key: value })
  assert.equal(await closing, ADMINISTRATIVE)
  await opened({ token: second, clientId: 'new' })
})

test('a new key cuts nobody off, and a leaked one takes everything along', async () => {
  const first = await mint('kim')
  const client = await opened({ token: first, clientId: 'held' })
  const { versions } = await administration().done('token-keys.rotate', { body: {} })
  assert.deepEqual(
    versions.map(({ version }) => version),
    [1, 2],
  )
  await client.publishAsync('rooms/1', 'still here', { qos: 1 })
  const second = await driver().refresh(first)
  await opened({ token: first, clientId: 'held' })
  const other = await opened({ token: second, clientId: 'tab' })
  const ended = closed(other)
  const { closedCount } = await administration().done('token-keys.revoke', {
    body: { reason: 'leaked' },
  })
  assert.ok(closedCount >= 2)
  assert.equal(await ended, 0x87)
  for (const token of [first, second]) {
    assert.equal(await open({ token, clientId: 'back' }), 0x86)
  }
  await opened({ token: await mint('kim'), clientId: 'anew' })
})

function revoking({ token_id }: Token) {
  return { parameters: { appId: 'chat' }, body: { tokenId: token_id, reason: 'test' } }
}

function revokingKey() {
  return { parameters: { credentialId: secret.id }, body: { reason: 'leaked' } }
}
