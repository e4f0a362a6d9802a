/** What the end of a credential ends: exactly the connections that came by it, over every protocol. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { IClientOptions } from 'mqtt'
import { SignJWT } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import {
  ALICE,
  connect,
  loginOf,
  ORGANIZATION,
  type TestClient,
  USERS,
} from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { type Token, TokenDriver } from '../support/token-driver.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const BACKEND_SECRET = 'Zr8-declared-secret-of-a-backend-0123456789-abcdefghij'
const CHAT = app('chat', {
  ...USERS,
  jwtSecrets: [
    { value: BACKEND_SECRET, issuer: 'https://backend.example', audience: ['lockgate'] },
  ],
})

let home = ''
let server: LiveServer
let admin: Administration
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-authority-'))
  const dataDir = join(home, 'data')
  server = await startServer({ apps: [CHAT, app('other', USERS)], dataDir })
  admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
})
after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** A client, and how it ended. */
interface Watched {
  readonly level: 4 | 5
  readonly client: TestClient
  readonly login: IClientOptions
  reason: number | undefined
  isClosed: boolean
}

async function watched(login: IClientOptions, level: 4 | 5 = 5): Promise<Watched> {
  const client = await connect(server.mqtt, { ...login, protocolVersion: level })
  const watch: Watched = { client, level, login, reason: undefined, isClosed: false }
  client.client.on('disconnect', ({ reasonCode }) => (watch.reason = reasonCode))
  client.client.on('close', () => (watch.isClosed = true))
  return watch
}

function loginBy({ mqtt_credentials: { username, password } }: Token): IClientOptions {
  return { username, password }
}

/** Told by 0x87, or, in 3.1.1, by the close alone; and not let in again. */
async function gone(watch: Watched): Promise<void> {
  await until('the client to be closed', () => watch.isClosed)
  assert.equal(watch.reason, watch.level === 5 ? 0x87 : undefined)
  await assert.rejects(watched(watch.login), /Bad User Name or Password/)
}

async function stays({ client, isClosed }: Watched): Promise<void> {
  await client.client.subscribeAsync('still/here', { qos: 1 })
  assert.equal(isClosed, false)
}

function end(...all: readonly Watched[]): Promise<unknown> {
  return Promise.all(all.map(({ client }) => client.end()))
}

async function madeKey(name: string, appId = 'chat') {
  const body = { kind: 'api_key', name }
  const made = await admin.done('credentials.create', { parameters: { appId }, body })
  return { value: made.value ?? '', id: made.credential.id }
}

function mint(key: string, email: string, more: object = {}): Promise<Token> {
  const body = { organization_id: ORGANIZATION, secret_key: key, user_email: email, ...more }
  return new TokenDriver(server.http).create({ replace_existing: false, ...body })
}

async function revokeToken(key: string, body: object): Promise<number> {
  const response = await fetch(`${server.http}/v2/tokens/revoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  })
  assert.equal(response.status, 200)
  return ((await response.json()) as { readonly revoked: number }).revoked
}

/** What one receipt says was closed, by protocol. */
function closedBy({ nodes }: { readonly nodes: readonly { readonly closed: object }[] }) {
  return Object.assign({}, ...nodes.map(({ closed }) => closed)) as Readonly<Record<string, number>>
}

test('a revoked token ends its connections of both levels, and no other token of its user', async () => {
  const { value: key } = await madeKey('minting one')
  const [one, two] = [await mint(key, 'a@example.org'), await mint(key, 'a@example.org')]
  const [five, four] = [await watched(loginBy(one)), await watched(loginBy(one), 4)]
  const renewed = await new TokenDriver(server.http).refresh(one)
  const clients = [
    five,
    await watched(loginBy(renewed)),
    four,
    await watched(loginBy(two)),
  ] as const
  assert.equal(await revokeToken(key, { token_id: one.token_id }), 1)
  await gone(clients[0])
  await gone(clients[1])
  await gone(clients[2])
  await stays(clients[3])
  assert.equal(await revokeToken(key, { user_email: 'a@example.org' }), 1)
  await gone(clients[3])
})

test('a revoked key ends what came by it and by the tokens it minted, and nothing else', async () => {
  const first = await madeKey('first')
  const second = await madeKey('second')
  const login = (key: string) => ({ username: `server@${ORGANIZATION}`, password: key })
  const byKey = await watched(login(first.value))
  const byToken = await watched(loginBy(await mint(first.value, 'b@example.org')))
  const others = [
    await watched(login(second.value)),
    await watched(loginBy(await mint(second.value, 'b@example.org'))),
    await watched(loginOf(ALICE)),
  ]
  const pusher = await Wire.open(server, CHAT)
  const parameters = { credentialId: first.id }
  const { receipt } = await admin.done('credentials.revoke', {
    parameters,
    body: { reason: 'lost' },
  })
  assert.equal(receipt.closedCount, 2)
  assert.equal(closedBy(receipt)['mqtt'], 2)
  await gone(byKey)
  await gone(byToken)
  for (const other of others) await stays(other)
  await pusher.fence()
  assert.ok(pusher.isOpen)
  await pusher.close()
  await end(...others)
})

test('an ended version of an MQTT user ends who came by it, and the new one stays', async () => {
  const body = { kind: 'mqtt_user', name: 'meter' }
  const made = await admin.done('credentials.create', { parameters: { appId: 'chat' }, body })
  const login = (password = '') => ({ username: `meter@${ORGANIZATION}`, password })
  const old = await watched(login(made.value))
  const parameters = { credentialId: made.credential.id }
  const rotated = await admin.done('credentials.rotate', {
    parameters,
    body: { overlapSeconds: 3_600 },
  })
  const both = await watched(login(made.value))
  const fresh = await watched(login(rotated.value))
  const { receipt } = await admin.done('credentials.revoke', {
    parameters,
    body: { versionId: made.versionId, reason: 'leaked' },
  })
  assert.equal(closedBy(receipt)['mqtt'], 2)
  await gone(old)
  await gone(both)
  await stays(fresh)
  await end(fresh)
})

test('a revoked user is ended over every protocol, in the app it is of', async () => {
  const { value: key } = await madeKey('minting users')
  const { value: otherKey } = await madeKey('of the other app', 'other')
  const user = await watched(loginBy(await mint(key, 'c@example.org', { user_id: 'user-c' })))
  const neighbour = await watched(loginBy(await mint(key, 'd@example.org', { user_id: 'user-d' })))
  const elsewhere = await watched(
    loginBy(await mint(otherKey, 'c@example.org', { user_id: 'user-c' })),
  )
  const signedIn = await Wire.open(server, CHAT)
  await signedIn.signin(CHAT, { id: 'user-c' })
  const anonymous = await Wire.open(server, CHAT)
  const receipt = await admin.done('revocations.create', {
    body: { kind: 'user', appId: 'chat', userId: 'user-c', reason: 'left' },
  })
  const { mqtt, pusher } = closedBy(receipt)
  assert.deepEqual({ mqtt, pusher }, { mqtt: 1, pusher: 1 })
  await until('the client to be closed', () => user.isClosed)
  assert.ok(user.reason === 0x87 || user.reason === 0x98, `reason ${user.reason}`)
  await signedIn.closure()
  await stays(neighbour)
  await stays(elsewhere)
  await anonymous.fence()
  assert.ok(anonymous.isOpen)
  await anonymous.close()
  await end(neighbour, elsewhere)
})

test('limits that a token names hold: the publish rate is told by PUBACK 0x97', async () => {
  const now = Math.floor(Date.now() / 1_000)
  const channels = { 'rate/#': ['publish'], 'still/#': ['subscribe'] }
  const claims = { app: 'chat', limits: ['publish.user 5/1m'], channels }
  const jwt = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('user-e')
    .setIssuer('https://backend.example')
    .setAudience('lockgate')
    .setIssuedAt(now)
    .setExpirationTime(now + 300)
    .sign(new TextEncoder().encode(BACKEND_SECRET))
  const limited = await watched({ username: `e@${ORGANIZATION}`, password: jwt })
  const outcomes: (number | undefined)[] = []
  for (let n = 0; n < 8; n++) {
    const sent = limited.client.client.publishAsync('rate/x', String(n), {
      qos: n % 2 === 0 ? 1 : 2,
    })
    outcomes.push(
      await sent.then(
        () => 0,
        (error: { readonly code?: number }) => error.code,
      ),
    )
  }
  assert.deepEqual(outcomes, [0, 0, 0, 0, 0, 0x97, 0x97, 0x97])
  await stays(limited)
  await end(limited)
})

test('a suspended tenant is closed at once and refused as forbidden, until it may again', async () => {
  const { value: key } = await madeKey('suspended')
  const token = await mint(key, 'f@example.org')
  const five = await watched(loginBy(token))
  const four = await watched(loginOf(ALICE), 4)
  const pusher = await Wire.open(server, CHAT)
  const parameters = { tenantId: TENANT }
  const body = { reason: 'unpaid' }
  const { receipt } = await admin.done('tenants.suspend', { parameters, body })
  const counted = closedBy(receipt)
  assert.deepEqual({ mqtt: counted['mqtt'], pusher: counted['pusher'] }, { mqtt: 2, pusher: 1 })
  await until('all to be closed', () => five.isClosed && four.isClosed)
  assert.equal(five.reason, 0x87)
  await pusher.closure()
  for (const protocolVersion of [4, 5] as const) {
    const text = 'Connection refused: Not authorized'
    for (const login of [loginBy(token), loginOf(ALICE)]) {
      const refused = connect(server.mqtt, { ...login, protocolVersion })
      await assert.rejects(refused, { message: text })
    }
  }
  await admin.done('tenants.activate', { parameters, body })
  await end(await watched(loginBy(token)), await watched(loginOf(ALICE)))
})
