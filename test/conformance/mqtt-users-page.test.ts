/** What docs/mqtt.md and docs/credentials.md say of MQTT users: commands and configuration work. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

async function withServer(
  fields: object,
  check: (place: { home: string; server: LiveServer; admin: Administration }) => Promise<void>,
) {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-users-'))
  try {
    const dataDir = join(home, 'data')
    const server = await startServer({ apps: [app('chat', fields)], dataDir })
    const admin = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    try {
      await check({ home, server, admin })
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

test('the commands of the pages make, rotate and revoke users', async () => {
  const ofMqtt = commandsOf('docs/mqtt.md')
  const ofCredentials = commandsOf('docs/credentials.md')
  await withServer({}, async ({ home, server, admin }) => {
    const made = ofMqtt.run(home, ofMqtt.blockWith('--kind mqtt_user'), server.http)
    assert.match(made, /^mqu_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}\n/)
    const ran = ofCredentials.run(home, ofCredentials.blockWith('mqtt_user'), server.http)
    assert.match(ran, /^mqu_/m)
    const parameters = { appId: 'chat' }
    const { items } = await admin.done('credentials.list', { parameters })
    const users = items.filter(({ kind }) => kind === 'mqtt_user')
    assert.deepEqual(namesOf(users), [
      ['gateway', 'gateways'],
      ['sensor-1', 'sensors'],
      ['sensor-2', undefined],
    ])
    const gateway = users.find(({ name }) => name === 'gateway')
    assert.deepEqual(
      gateway?.versions.map(({ state }) => state),
      ['revoked', 'revoked'],
    )
    const taken = { kind: 'mqtt_user', name: 'sensor-1' } as const
    const refused = await admin.call('credentials.create', { parameters, body: taken })
    assert.deepEqual([refused.status, refused.code], [409, 'name_taken'])
    const log = await admin.done('audit.list', {
      parameters: { tenantId: TENANT, database: 'local' },
    })
    assert.ok(log.items.some(({ entry }) => entry['reason'] === 'the gateway was stolen'))
    assert.ok(!JSON.stringify(log).includes(made.slice(0, 40)))
  })
})

test('the configuration of the page is taken as it is', () => {
  const page = readFileSync(join(repositoryRoot(), 'docs/mqtt.md'), 'utf8')
  const [, yaml = ''] = /```yaml\n(mqttUsers:[\s\S]*?)```/.exec(page) ?? []
  const home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-users-'))
  try {
    for (const name of ['sensor-1', 'sensor-2']) {
      writeFileSync(join(home, `${name}.password`), 'q8Zr2LmW0xT5vKc7\n')
    }
    const file = join(home, 'lockgate.yaml')
    const lines = [
      `tenants: [{ id: ${TENANT}, shortId: org_k7xm4pqr2n5t, name: Acme, apps: [{`,
      '  id: chat, name: chat, key: a-key, secret: a-secret-0123456789,',
      `  mqttUsers: ${JSON.stringify(mqttUsersOf(yaml))} }] }]`,
    ]
    writeFileSync(file, lines.join('\n'))
    const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
    const words = [bin, 'check-config', '--config', file]
    const ran = spawnSync(process.execPath, words, { cwd: home, encoding: 'utf8' })
    assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

function namesOf(
  users: readonly { readonly name: string; readonly ruleSet?: string | undefined }[],
) {
  const named = users.toSorted((one, other) => (one.name < other.name ? -1 : 1))
  return named.map(({ name, ruleSet }) => [name, ruleSet])
}

/** The entries of the list, which has one level of plain fields. */
function mqttUsersOf(yaml: string): readonly Readonly<Record<string, string>>[] {
  const entries = yaml.split('\n  - ').slice(1)
  assert.ok(entries.length > 1, 'the page declares several')
  return entries.map((entry) =>
    Object.fromEntries(
      Array.from(entry.matchAll(/(\w+): (\S+)/g), ([, key = '', value = '']) => [key, value]),
    ),
  )
}

test('declared users are there after the start, and their passwords nowhere', async () => {
  const mqttUsers = [
    { name: 'sensor-1', password: 'a-password-of-sensor-1', ruleSet: 'sensors' },
    { name: 'sensor-2', password: 'a-password-of-sensor-2' },
  ]
  await withServer({ mqttUsers }, async ({ server, admin }) => {
    const { items } = await admin.done('credentials.list', { parameters: { appId: 'chat' } })
    const users = items.filter(({ kind }) => kind === 'mqtt_user')
    assert.deepEqual(namesOf(users), [
      ['sensor-1', 'sensors'],
      ['sensor-2', undefined],
    ])
    assert.ok(!JSON.stringify(items).includes('a-password-of'))
    assert.ok(!(server.stdout + server.stderr).includes('a-password-of'))
  })
})
