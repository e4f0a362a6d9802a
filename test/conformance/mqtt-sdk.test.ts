/**
 * MQTT.js with the options that CloudSignal's SDK gives it, for each of its presets, with tokens of
 * the token service: from the first password to the last reconnect.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import type { IClientOptions, MqttClient } from 'mqtt'
import { SignJWT } from 'jose'
import { Administration, ownerKey } from '../support/administration.ts'
import { freePort } from '../support/free-port.ts'
import {
  ALICE,
  connect,
  type LibraryVersion,
  LIBRARIES,
  loginOf,
  ORGANIZATION,
  USERS,
} from '../support/mqtt-clients.ts'
import { MqttPeer } from '../support/mqtt-peer.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { type Token, TokenDriver } from '../support/token-driver.ts'
import { until } from '../support/wait.ts'

const BACKEND_SECRET = 'Zr8-declared-secret-of-a-backend-0123456789-abcdefghij'
const OTHER = { shortId: 'org_z9ym4pqr2n5x', id: '7d1f4a52-0f5e-4a7b-9c58-0f1f4d1f2a91' }
/** Decision of this server: a connection outlives its token so long. */
const EXPIRY_SKEW_MS = 30_000

/** Contract CloudSignal 3.2 and 3.3: what each preset makes of CONNECT. */
const PRESETS: Readonly<Record<string, IClientOptions>> = {
  desktop: { protocolVersion: 5, keepalive: 60, connectTimeout: 30_000 },
  mobile: { protocolVersion: 4, keepalive: 60, connectTimeout: 30_000 },
  agent: { protocolVersion: 5, keepalive: 30, connectTimeout: 15_000 },
  server: { protocolVersion: 5, keepalive: 30, connectTimeout: 10_000 },
}

const kept: MqttClient[] = []
let home = ''
let server: LiveServer
let secretKey = ''
let start: () => Promise<LiveServer>
let expiring: { readonly peer: MqttPeer; readonly endsAtMs: number }
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-sdk-'))
  const dataDir = join(home, 'data')
  const [mqtt, http] = [await freePort(), await freePort()]
  const jwtSecrets = [
    { value: BACKEND_SECRET, issuer: 'https://backend.example', audience: ['lockgate'] },
  ]
  const tenant = (id: string, shortId: string, appId: string) => ({
    ...{ id, shortId, name: appId },
    apps: [
      { ...app(appId, { ...USERS, jwtSecrets }), name: appId, plan: 'unlimited', region: 'local' },
    ],
  })
  const tenants = [
    tenant('3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111', ORGANIZATION, 'chat'),
    tenant(OTHER.id, OTHER.shortId, 'other'),
  ]
  const listen = { http: `127.0.0.1:${http}`, mqtt: `127.0.0.1:${mqtt}`, ops: '127.0.0.1:0' }
  start = () => startServer({ dataDir, config: { listen, tenants } })
  server = await start()
  const admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
  const made = await admin.done('credentials.create', {
    parameters: { appId: 'chat' },
    body: { kind: 'api_key', name: 'minting' },
  })
  secretKey = made.value ?? ''
  expiring = await expiringPeer()
})
after(async () => {
  for (const client of kept) client.end(true)
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Its token ends a moment after it came in. */
async function expiringPeer() {
  const now = Math.floor(Date.now() / 1_000)
  const jwt = await new SignJWT({ app: 'chat', channels: { 'brief/#': ['subscribe'] } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('brief')
    .setIssuer('https://backend.example')
    .setAudience('lockgate')
    .setIssuedAt(now)
    .setExpirationTime(now + 3)
    .sign(new TextEncoder().encode(BACKEND_SECRET))
  const login = { username: `brief@${ORGANIZATION}`, password: Buffer.from(jwt) }
  const peer = await MqttPeer.open(server, { ...login, keepalive: 0 })
  return { peer, endsAtMs: (now + 3) * 1_000 }
}

function create(more: object = {}): Promise<Token> {
  return new TokenDriver(server.http).create({
    organization_id: ORGANIZATION,
    secret_key: secretKey,
    user_email: 'user@example.org',
    ...more,
  })
}

function loginBy({ mqtt_credentials: { username, password } }: Token): IClientOptions {
  return { username, password }
}

const socketUrl = (path: string) => `${server.http.replace(/^http/, 'ws')}${path}`

/** A client that comes back by itself, as the SDK keeps it. */
async function sdkClient(library: LibraryVersion, url: string, options: IClientOptions) {
  const client = LIBRARIES[library].connect(url, { clean: false, reconnectPeriod: 100, ...options })
  kept.push(client)
  const heard: string[] = []
  client.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`))
  client.on('error', () => {})
  await until('it is let in', () => client.connected)
  return { client, heard }
}

async function dropped(client: MqttClient): Promise<void> {
  let isBack = false
  client.once('connect', () => (isBack = true))
  client.stream.destroy()
  await until('it is back', () => isBack)
}

for (const library of Object.keys(LIBRARIES) as LibraryVersion[]) {
  for (const [preset, options] of Object.entries(PRESETS)) {
    test(`${preset} of MQTT.js ${library}: connected, cut off, renewed, and connected again`, async () => {
      const name = `${preset}-${library.replaceAll('.', '-')}`
      const url = preset === 'server' ? server.mqtt : socketUrl('/')
      const driver = new TokenDriver(server.http)
      const first = await create({ user_email: `${name}@example.org` })
      const { client, heard } = await sdkClient(library, url, {
        ...options,
        ...loginBy(first),
        clientId: `cs_${name}`,
      })
      const topics = [
        `${name}/u/notifications`,
        `$notifications/${name}/inbox/#`,
        `$spaces/${name}/#`,
      ]
      const filters = [...topics, `$share/g/${name}/jobs`]
      for (const filter of filters) await client.subscribeAsync(filter, { qos: 1 })
      // The SDK asks for all of them again after each connect.
      client.on('connect', () => {
        for (const filter of filters) client.subscribe(filter, { qos: 1 })
      })
      const speaker = await connect(server.mqtt, { protocolVersion: 5, ...loginOf(ALICE) })
      const say = (topic: string, text: string) =>
        speaker.client.publishAsync(topic, text, { qos: 1 })
      await speaker.client.publishAsync(`$spaces/${name}/state/a`, 'kept', { qos: 1, retain: true })
      await until('the state', () => heard.includes(`$spaces/${name}/state/a kept`))
      // Twice, so that a pair of renewals lies behind the password the client has.
      await driver.refresh(await driver.refresh(first))
      await dropped(client)
      const states = () => heard.filter((text) => text.endsWith(' kept')).length
      // MQTT.js subscribes again where no session is kept, and what is retained comes again.
      if (options.protocolVersion === 5) await until('the state again', () => states() > 1)
      // Each subscription once, whoever has asked for it again.
      await say(`${name}/u/notifications`, 'one')
      await say(`$notifications/${name}/inbox/mail`, 'two')
      await say(`${name}/jobs`, 'three')
      await until('all three', () => heard.some((text) => text.endsWith(' three')))
      const words = heard.map((text) => text.split(' ')[1] ?? '').filter((text) => text !== 'kept')
      assert.deepEqual(words.toSorted(), ['one', 'three', 'two'])
      // The first password is this client's alone.
      const other = connect(server.mqtt, {
        ...options,
        ...loginBy(first),
        clientId: `other-${name}`,
      })
      await assert.rejects(other, /bad user ?name or password/i)
      await client.endAsync()
      await speaker.client.publishAsync(`$spaces/${name}/state/a`, '', { qos: 1, retain: true })
      await speaker.end()
    })
  }

  for (const protocolVersion of [4, 5] as const) {
    test(`MQTT.js ${library}, level ${protocolVersion}: refusals have the texts the SDK reads`, async () => {
      const bad =
        protocolVersion === 4
          ? 'Connection refused: Bad username or password'
          : 'Connection refused: Bad User Name or Password'
      const token = await create({ user_email: 'refused@example.org' })
      const login = loginBy(token)
      const rows: IClientOptions[] = [
        { ...login, password: `${token.access_token.slice(0, -2)}xx` },
        { ...login, password: 'tkn_nothing' },
        { ...login, username: `somebody@${ORGANIZATION}` },
        { ...login, username: login.username?.replace(ORGANIZATION, OTHER.shortId) ?? '' },
        {},
      ]
      for (const row of rows) {
        for (const url of [server.mqtt, socketUrl('/')]) {
          await assert.rejects(connect(url, { ...row, protocolVersion }, library), { message: bad })
        }
      }
      await (await connect(server.mqtt, { ...login, protocolVersion }, library)).end()
      const replacing = await create({ user_email: 'refused@example.org' })
      await assert.rejects(connect(server.mqtt, { ...login, protocolVersion }, library), {
        message: bad,
      })
      await (await connect(server.mqtt, { ...loginBy(replacing), protocolVersion }, library)).end()
    })
  }

  test(`MQTT.js ${library}: WebSockets of every path are served`, async () => {
    const login = loginBy(await create({ user_email: 'paths@example.org' }))
    for (const path of ['', '/', '/mqtt', '/any/other/path', '//', '//mqtt', '/mqtt?x=1']) {
      for (const protocolVersion of [4, 5] as const) {
        const client = await connect(socketUrl(path), { ...login, protocolVersion }, library)
        await client.client.subscribeAsync('path', { qos: 1 })
        await client.end()
      }
    }
  })
}

test('replaced, a token opens nothing new, and who is connected stays', async () => {
  const who = { user_email: 'tabs@example.org' }
  const first = await create(who)
  const open = await connect(server.mqtt, { protocolVersion: 5, ...loginBy(first) })
  const added = await create({ ...who, replace_existing: false })
  await (await connect(server.mqtt, { protocolVersion: 5, ...loginBy(first) })).end()
  const other = await create({ user_email: 'else@example.org' })
  const last = await create(who)
  for (const token of [first, added]) {
    const refused = connect(server.mqtt, { protocolVersion: 5, ...loginBy(token) })
    await assert.rejects(refused, /Bad User Name or Password/)
    await assert.rejects(new TokenDriver(server.http).refresh(token))
  }
  for (const token of [other, last]) {
    await (await connect(server.mqtt, { protocolVersion: 5, ...loginBy(token) })).end()
  }
  await open.client.subscribeAsync('still/here', { qos: 1 })
  await open.end()
})

/** Connected by the method that can renew in place. */
function renewable(token: Token, more: object = {}): Promise<MqttPeer> {
  const { username } = token.mqtt_credentials
  return MqttPeer.open(server, { username, ...more, properties: methodOf(token) })
}

function methodOf(token: Token) {
  const authenticationData = Buffer.from(token.access_token)
  return { authenticationMethod: 'lockgate-token', authenticationData }
}

test('a client renews in place while messages flow, and none is lost or comes twice', async () => {
  const driver = new TokenDriver(server.http)
  let token = await create({ user_email: 'renewing@example.org' })
  const peer = await renewable(token)
  await peer.subscribe('renewing/#', 1)
  const speaker = await connect(server.mqtt, { protocolVersion: 5, ...loginOf(ALICE) })
  const sent = Promise.all(
    Array.from({ length: 400 }, (_, n) =>
      speaker.client.publishAsync('renewing/x', String(n), { qos: 1 }),
    ),
  )
  for (let n = 0; n < 10; n++) {
    token = await driver.refresh(token)
    peer.send({ cmd: 'auth', reasonCode: 0x19, properties: methodOf(token) })
    const { reasonCode, properties } = await peer.next('auth')
    assert.equal(reasonCode, 0)
    assert.equal(properties?.authenticationMethod, 'lockgate-token')
  }
  await sent
  await until('all of them', () => peer.all('publish').length >= 400)
  await peer.answers()
  assert.deepEqual(
    peer.all('publish').map(({ payload }) => payload.toString()),
    Array.from({ length: 400 }, (_, n) => String(n)),
  )
  peer.destroy()
  await speaker.end()
})

test('nobody becomes somebody else by AUTH, and what does not hold ends the connection', async () => {
  const mine = await create({ user_email: 'mine@example.org' })
  const theirs = await create({ user_email: 'theirs@example.org' })
  const { username } = theirs.mqtt_credentials
  const rows: readonly (readonly [object, number])[] = [
    [methodOf(theirs), 0x87],
    [{ ...methodOf(theirs), userProperties: { username } }, 0x87],
    [methodOf({ ...mine, access_token: `${mine.access_token}x` }), 0x87],
    [{ authenticationMethod: 'another', authenticationData: Buffer.from('x') }, 0x82],
    [{ authenticationMethod: 'lockgate-token' }, 0x82],
  ]
  for (const [properties, code] of rows) {
    const peer = await renewable(mine)
    peer.send({ cmd: 'auth', reasonCode: 0x19, properties })
    assert.equal((await peer.next('disconnect')).reasonCode, code)
    await peer.closed()
  }
  const plain = await MqttPeer.open(server)
  plain.send({ cmd: 'auth', reasonCode: 0x19, properties: methodOf(mine) })
  assert.equal((await plain.next('disconnect')).reasonCode, 0x82)
  const unknown = { authenticationMethod: 'SCRAM-SHA-1' }
  await assert.rejects(MqttPeer.open(server, { properties: unknown }), /CONNACK 140/)
})

test('two organizations with the same client ids and topics never meet', async () => {
  const there = { username: `alice@${OTHER.shortId}`, password: ALICE.password }
  const same = {
    protocolVersion: 5,
    clientId: 'same',
    properties: { sessionExpiryInterval: 60 },
  } as const
  const here = await connect(server.mqtt, { ...same, ...loginOf(ALICE) })
  const other = await connect(server.mqtt, { ...same, ...there })
  const isTaken = { here: false, other: false }
  here.client.on('close', () => (isTaken.here = true))
  other.client.on('close', () => (isTaken.other = true))
  for (const { client } of [here, other]) {
    await client.subscribeAsync(['shared/topic', '$share/g/shared/job'], { qos: 1 })
  }
  for (let n = 0; n < 10; n++) {
    await here.client.publishAsync('shared/topic', `here ${n}`, { qos: 1, retain: n === 9 })
    await here.client.publishAsync('shared/job', `here job ${n}`, { qos: 1 })
  }
  await other.client.publishAsync('shared/topic', 'there', { qos: 1 })
  await until('both have heard', () => here.received.length === 20 && other.received.length === 1)
  assert.deepEqual(other.texts(), ['there'])
  const late = await connect(server.mqtt, { protocolVersion: 5, ...there, clientId: 'late' })
  await late.client.subscribeAsync('shared/#', { qos: 1 })
  await late.client.publishAsync('shared/x', 'mine', { qos: 1 })
  await until('its own', () => late.received.length > 0)
  assert.deepEqual(late.texts(), ['mine'])
  assert.deepEqual(isTaken, { here: false, other: false })
  await here.client.publishAsync('shared/topic', '', { qos: 1, retain: true })
  await Promise.all([here.end(), other.end(), late.end()])
  // Sessions that are kept are apart, too.
  const back = await connect(server.mqtt, { ...same, ...there, clean: false })
  assert.equal(back.connack.sessionPresent, true)
  assert.deepEqual(back.texts(), [])
  await back.client.endAsync(false, { properties: { sessionExpiryInterval: 0 } })
})

test('who does not renew is told and closed half a minute after its token', async () => {
  const { peer, endsAtMs } = expiring
  const { reasonCode } = await peer.next('disconnect', EXPIRY_SKEW_MS + 15_000)
  assert.equal(reasonCode, 0x87)
  await peer.closed()
  assert.ok(Date.now() >= endsAtMs + EXPIRY_SKEW_MS, 'not before its time')
})

test('a client comes back with its first password after a renewal and a kill of the server', async () => {
  const driver = new TokenDriver(server.http)
  const token = await create({ user_email: 'killed@example.org' })
  const { client, heard } = await sdkClient('5.16.0', server.mqtt, {
    ...PRESETS['mobile'],
    ...loginBy(token),
    clientId: 'cs_killed',
  })
  await client.subscribeAsync('killed/#', { qos: 1 })
  const renewed = await driver.refresh(await driver.refresh(token))
  let isBack = false
  client.once('connect', () => (isBack = true))
  await server.killHard()
  server = await start()
  await until('it is back', () => isBack)
  await client.publishAsync('killed/x', 'here', { qos: 1 })
  await until('its own message', () => heard.includes('killed/x here'))
  const other = connect(server.mqtt, { ...loginBy(token), clientId: 'thief', protocolVersion: 4 })
  await assert.rejects(other, /Bad username or password/)
  await new TokenDriver(server.http).refresh(renewed)
  await client.endAsync()
})
