/** How MQTT.js clients say who they are, against the started server: every form of password. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import {
  ALICE,
  connect,
  loginOf,
  ORGANIZATION,
  TRANSPORTS,
  USERS,
} from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const UUID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const ORIGIN = 'https://app.example.org'
const REFUSED = { 4: /Bad username or password/, 5: /Bad User Name or Password/ } as const

let home = ''
let server: LiveServer
let admin: Administration
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-doors-'))
  const dataDir = join(home, 'data')
  const chat = app('chat', { ...USERS, allowedOrigins: [ORIGIN] })
  server = await startServer({ apps: [chat], dataDir })
  admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
})
after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

async function made(body: Readonly<Record<string, unknown>>) {
  const parameters = { appId: 'chat' }
  const { value = '', credential } = await admin.done('credentials.create', { parameters, body })
  return { value, id: credential.id }
}

for (const protocolVersion of [4, 5] as const) {
  test(`level ${protocolVersion}: users and keys come in, and wrong passwords do not`, async () => {
    const { value: key } = await made({ kind: 'api_key', name: `key ${protocolVersion}` })
    const alice = loginOf(ALICE)
    const good = [
      alice,
      { username: `alice@${UUID}`, password: ALICE.password },
      { username: `server@${ORGANIZATION}`, password: key },
      { username: `server@${UUID}`, password: key },
    ]
    for (const login of good) {
      const client = await connect(server.mqtt, { ...login, protocolVersion })
      await client.end()
    }
    const bad = [
      { ...alice, password: 'wrong' },
      { username: 'alice@org_nonexistent2', password: ALICE.password },
      { username: 'alice', password: ALICE.password },
      { username: 'server@org_nonexistent2', password: key },
      { username: `server@${ORGANIZATION}`, password: `${key.slice(0, -1)}_` },
      {},
    ]
    for (const login of bad) {
      const refused = connect(server.mqtt, { ...login, protocolVersion })
      await assert.rejects(refused, REFUSED[protocolVersion], JSON.stringify(Object.keys(login)))
    }
  })
}

test('a page connects with a publishable key, and with no permanent password', async () => {
  const { value: key } = await made({ kind: 'api_key', name: 'page', prefix: 'pk' })
  const url = TRANSPORTS.websocket(server)
  const from = (origin: string) => ({
    protocolVersion: 5 as const,
    wsOptions: { headers: { origin } },
  })
  const page = { username: `page@${ORGANIZATION}`, password: key }
  await (await connect(url, { ...page, ...from(ORIGIN) })).end()
  await assert.rejects(connect(url, { ...loginOf(ALICE), ...from(ORIGIN) }), /Not authorized/)
  const other = from('https://elsewhere.example')
  await assert.rejects(connect(url, { ...page, ...other }), /Not authorized/)
  await (await connect(url, { ...loginOf(ALICE), protocolVersion: 5 })).end()
})

test('a user that is made while the server runs comes in, and leaves when it is revoked', async () => {
  const { value, id } = await made({ kind: 'mqtt_user', name: 'device@example.org' })
  const login = { username: `device@example.org@${ORGANIZATION}`, password: value }
  const client = await connect(server.mqtt, { ...login, protocolVersion: 5 })
  let isClosed = false
  client.client.on('close', () => {
    isClosed = true
  })
  const parameters = { credentialId: id }
  const revoked = await admin.done('credentials.revoke', { parameters, body: { reason: 'lost' } })
  assert.equal(revoked.receipt.closedCount, 1)
  await until('the client to be closed', () => isClosed)
  await assert.rejects(connect(server.mqtt, { ...login, protocolVersion: 5 }), REFUSED[5])
})
