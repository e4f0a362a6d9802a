/** What docs/mqtt.md and docs/credentials.md say of MQTT users: commands and configuration work. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

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

test('the first message of the page arrives, and a refusal is told as the page says', async () => {
  const page = commandsOf('docs/mqtt.md')
  const [, program = ''] = /```js\n(import [\s\S]*?)```/.exec(page.text) ?? []
  await withServer({}, async ({ home, server }) => {
    const { port } = new URL(server.mqtt)
    const first = page.blockWith('mosquitto_pub')
    const here = first.replaceAll('-h 127.0.0.1', `-h 127.0.0.1 -p ${port}`)
    assert.notEqual(here, first)
    assert.equal(page.run(home, here, server.http), 'rooms/1/chat hello\n')
    const script = join(home, 'first.mjs')
    const mqtt = JSON.stringify(join(repositoryRoot(), 'node_modules/mqtt/build/index.js'))
    const ended = program.replace("'mqtt'", mqtt).replace('127.0.0.1:1883', `127.0.0.1:${port}`)
    const last = `client.on('message', (_, text) => /again/.test(text) && client.end())\n`
    writeFileSync(script, ended.replace('await', `${last}await`))
    const ran = await finished(spawn(process.execPath, [script], { cwd: home }))
    assert.match(ran, /^rooms\/1\/chat hello again$/m)
    const login = `-u me@org_k7xm4pqr2n5t -P "$(cat me.password)"`
    const denied = `mosquitto_sub -h 127.0.0.1 -p ${port} ${login} -t '#' -E 2>&1 || true`
    assert.match(page.run(home, denied, server.http), /denied/)
    // Denials reach the audit in batches, about once a second.
    const told = await until('the denial is in the audit', () => {
      const shown = page.run(home, page.blockWith('explain $TENANT'), server.http)
      return /"topic": ?"#"/.test(shown) && shown
    })
    assert.match(told, /Rule 2 denies a part of it: response\/#/)
  })
})

test('the commands of the pages make, rotate and revoke users', async () => {
  const ofMqtt = commandsOf('docs/mqtt.md')
  const ofCredentials = commandsOf('docs/credentials.md')
  await withServer({}, async ({ home, server, admin }) => {
    const made = ofMqtt.run(home, ofMqtt.blockWith('--rule-set sensors'), server.http)
    const [password = ''] = /^mqu_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/m.exec(made) ?? []
    assert.ok(password, made)
    const inTenant = { tenantId: TENANT }
    const gateways = { name: 'gateways', rules: [] }
    await admin.done('rules.create', { parameters: inTenant, body: gateways })
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
    const lost = { kind: 'mqtt_user', name: 'sensor-3', ruleSet: 'sensor' } as const
    const unknown = await admin.call('credentials.create', { parameters, body: lost })
    assert.deepEqual([unknown.status, unknown.code], [400, 'input_invalid'])
    assert.match(JSON.stringify(unknown.body), /no rule set of this name/)
    const sensor = users.find(({ name }) => name === 'sensor-1')
    const moved = { parameters: { credentialId: sensor?.id ?? '' }, body: { ruleSet: 'sensor' } }
    const unmoved = await admin.call('credentials.update', moved)
    assert.deepEqual([unmoved.status, unmoved.code], [400, 'input_invalid'])
    const taken = { kind: 'mqtt_user', name: 'sensor-1' } as const
    const refused = await admin.call('credentials.create', { parameters, body: taken })
    assert.deepEqual([refused.status, refused.code], [409, 'name_taken'])
    const log = await admin.done('audit.list', {
      parameters: { tenantId: TENANT, database: 'local' },
    })
    assert.ok(log.items.some(({ entry }) => entry['reason'] === 'the gateway was stolen'))
    assert.ok(!JSON.stringify(log).includes(password))
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

/** @returns what the program printed, once it has ended well. */
async function finished(child: ChildProcess): Promise<string> {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes: Buffer) => {
      output += bytes.toString('utf8')
    })
  }
  const code = await new Promise((resolve) => child.on('close', resolve))
  assert.equal(code, 0, output)
  return output
}

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
