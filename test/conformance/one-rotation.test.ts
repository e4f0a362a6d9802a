/** One process, one app, clients of all four protocols: what each end of a credential ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import {
  signToken,
  type Watched,
  watchedEditor,
  watchedMqtt,
  watchedPusher,
  watchedWsocket,
} from '../support/all-protocols.ts'
import { ALICE } from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const BACKEND_SECRET = 'Zr8-declared-secret-of-a-backend-0123456789-abcdefghij'
const CLIENT = {
  clientId: 'notes-client',
  clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa',
}
const APP = app('together', {
  ...CLIENT,
  mqttUsers: [ALICE],
  jwtSecrets: [{ value: BACKEND_SECRET }],
})

let home = ''
let server: LiveServer
let admin: Administration
const leaving: Watched[] = []
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'lockgate-one-rotation-'))
  const dataDir = join(home, 'data')
  server = await startServer({ apps: [APP], dataDir })
  admin = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
})
after(async () => {
  for (const { leave } of leaving) await leave()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Rotates the signing secret so that both values work. */
async function rotateSigningSecret() {
  const { items } = await admin.done('credentials.list', { parameters: { appId: APP.id } })
  const signing = items.find(({ kind }) => kind === 'signing_secret')
  assert.ok(signing)
  const [old] = signing.versions
  assert.ok(old)
  const parameters = { credentialId: signing.id }
  const { value } = await admin.done('credentials.rotate', {
    parameters,
    body: { overlapSeconds: 3_600 },
  })
  return {
    newPair: { key: APP.key, secret: String(value) },
    revokeOld: async () => {
      const body = { versionId: old.id, reason: 'tested' }
      const { receipt } = await admin.done('credentials.revoke', { parameters, body })
      return receipt.closedCount
    },
  }
}

async function revokeToken(token: string): Promise<void> {
  const form = { token, client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret }
  const response = await fetch(`${server.http}/connect/revocation`, {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  assert.equal(response.status, 200)
}

async function revokeApp(): Promise<number> {
  const body = { kind: 'app', appId: APP.id, reason: 'tested' }
  return (await admin.done('revocations.create', { body })).closedCount
}

/** These end with the code their protocol has for it, and all others answer. */
async function exactlyEnd(
  ends: readonly (readonly [Watched, number])[],
  others: readonly Watched[],
): Promise<void> {
  for (const [client, code] of ends) {
    const ended = await until(`the end of ${client.name}`, () => {
      const seen = client.ended()
      return seen === undefined ? undefined : { code: seen }
    })
    assert.equal(ended.code, code, client.name)
  }
  await Promise.all(others.map(({ answers }) => answers()))
  for (const { name, ended } of others) assert.equal(ended(), undefined, name)
}

test('revoking an old version of a secret, one token, then the app closes exactly the right ones', async () => {
  const { newPair, revokeOld } = await rotateSigningSecret()
  const first = await buyTokens(server, CLIENT)
  const second = await buyTokens(server, CLIENT)
  const at = { server, app: APP }

  const oldPusher = await watchedPusher('pusher-js on the old secret', { ...at, pair: APP })
  const newPusher = await watchedPusher('pusher-js on the new secret', { ...at, pair: newPair })
  const mqtt = await watchedMqtt('MQTT.js', server, ALICE)
  const wsocket = await watchedWsocket(
    'the wSocket client',
    server,
    await signToken(APP.id, BACKEND_SECRET, 'token-1'),
  )
  const firstEditor = await watchedEditor('y-websocket by the first token', server, first.access)
  const secondEditor = await watchedEditor('y-websocket by the second', server, second.access)
  const everybody = [oldPusher, newPusher, mqtt, wsocket, firstEditor, secondEditor]
  leaving.push(...everybody)
  for (const { name, ended } of everybody) assert.equal(ended(), undefined, name)

  assert.equal(await revokeOld(), 1)
  await exactlyEnd([[oldPusher, 4200]], [newPusher, mqtt, wsocket, firstEditor, secondEditor])
  await oldPusher.leave()

  await revokeToken(first.access)
  await exactlyEnd([[firstEditor, 4002]], [newPusher, mqtt, wsocket, secondEditor])
  await firstEditor.leave()

  assert.equal(await revokeApp(), 4)
  await exactlyEnd(
    [
      [newPusher, 4009],
      [mqtt, 0x87],
      [wsocket, 4401],
      [secondEditor, 4002],
    ],
    [],
  )
})
