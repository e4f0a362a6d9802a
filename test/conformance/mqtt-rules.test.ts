/** Rules over the wire: what is refused and how, and what an edit takes from who is connected. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import { ALICE, BOB, connect, loginOf, TRANSPORTS, USERS } from '../support/mqtt-clients.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const BOTH = ['publish', 'subscribe'] as const

let dataDir = ''
let server: LiveServer
const administration = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
before(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-rules-'))
  server = await startServer({ apps: [app('mqtt', USERS)], dataDir })
})
after(async () => {
  await server.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const open = (who: typeof ALICE, clientId: string) =>
  connect(TRANSPORTS.tcp(server), { protocolVersion: 5, clientId, ...loginOf(who) })

function setRules(rules: readonly object[]) {
  const parameters = { tenantId: TENANT, ruleSet: 'default' }
  return administration.done('rules.update', { parameters, body: { rules } })
}

async function reasonOf(work: Promise<unknown>): Promise<number | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return (error as { readonly code?: number }).code
  }
}

test('answers to requests are received by who asked alone', async () => {
  const alice = await open(ALICE, 'alice-1')
  await alice.client.subscribeAsync('response/alice-1', { qos: 1 })
  for (const filter of ['response/bob-1', 'response/+', '#', '$SYS/#']) {
    // How MQTT.js says 0x87.
    await assert.rejects(alice.client.subscribeAsync(filter), /Not authorized/, filter)
  }
  const bob = await open(BOB, 'bob-1')
  await bob.client.publishAsync('response/alice-1', 'answer', { qos: 1 })
  await until('the answer', () => alice.texts().includes('answer'))
  await Promise.all([alice.end(), bob.end()])
})

test('an edit takes from open subscriptions what is lost, and leaves the rest', async () => {
  const alice = await open(ALICE, 'alice-2')
  const bob = await open(BOB, 'bob-2')
  await alice.client.subscribeAsync(['rooms/alice/#', 'rooms/bob/#'], { qos: 1 })
  await bob.client.publishAsync('rooms/bob/a', 'before', { qos: 1 })
  await until('what came before', () => alice.texts().includes('before'))
  await setRules([
    { effect: 'allow', actions: ['subscribe'], filter: 'rooms/${username}/#' },
    { effect: 'allow', actions: BOTH, filter: 'rooms/+/a', users: ['bob'] },
  ])
  await bob.client.publishAsync('rooms/bob/a', 'lost', { qos: 1 })
  await bob.client.publishAsync('rooms/alice/a', 'kept', { qos: 1 })
  await until('what is kept', () => alice.texts().includes('kept'))
  assert.deepEqual(alice.texts(), ['before', 'kept'])
  const refused = alice.client.publishAsync('rooms/alice/a', 'x', { qos: 1 })
  assert.equal(await reasonOf(refused), 0x87)
  await Promise.all([alice.end(), bob.end()])
})

test('what was refused is in the audit log, with the rule set that refused it', async () => {
  const parameters = { tenantId: TENANT, database: 'local', limit: 200 }
  const row = await until('a row of a denial', async () => {
    const { items } = await administration.done('audit.list', { parameters })
    return items.find(({ entry }) => entry['action'] === 'topic.denied')?.entry
  })
  assert.deepEqual(row['target'], { kind: 'rule_set', id: 'default' })
  assert.equal(row['outcome'], 'denied')
})
