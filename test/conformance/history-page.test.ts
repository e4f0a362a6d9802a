/** What docs/history.md says: its commands work, its defaults are those of the server. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_APP_SETTINGS } from '../../packages/server/src/config/app-schema.ts'
import { DELETED_COUNT_MAX } from '../../packages/server/src/credentials/administration/history-changes.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { macToken } from '../support/foreign-world.ts'
import { freePort } from '../support/free-port.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA } from '../support/wsocket-clients.ts'

const { blockWith, run, text } = commandsOf('docs/history.md')

test('the defaults of the page are those of the server', () => {
  const { history, historyBytesMax, messageBytesMax } = DEFAULT_APP_SETTINGS
  assert.ok(text.includes(`| \`history\` | \`${history.join(', ')}\` |`))
  assert.ok(text.includes(`| \`historyBytesMax\` | ${historyBytesMax / 1024 ** 3} GiB |`))
  assert.ok(text.includes(`| \`messageBytesMax\` | ${messageBytesMax / 1024} KiB |`))
  assert.ok(text.includes(DELETED_COUNT_MAX.toLocaleString('en-US')))
})

test('the commands of the page set, show and delete, and the audit says who did', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-history-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ dataDir })
  try {
    const administration = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const { id: tenantId } = await administration.done('tenants.create', { body: { name: 'A' } })
    const { app: made } = await administration.done('apps.create', {
      body: { tenantId, name: 'shop', plan: 'unlimited' },
    })
    const commands = (mark: string) => blockWith(mark).replaceAll(' shop', ` ${made.id}`)
    const shown = run(home, commands('history show'), server.http)
    assert.match(shown, /logs:\*\* 1h/)
    assert.match(shown, /\*\* 30d/)
    const deleted = run(home, commands('history delete'), server.http)
    assert.match(deleted, /"isComplete": ?true/)
    const parameters = { tenantId, database: 'local' }
    const { items } = await administration.done('audit.list', { parameters })
    const reasons = items
      .filter(({ entry }) => entry['action'] === 'history.deleted')
      .map(({ entry }) => entry['reason'])
    assert.deepEqual(new Set(reasons), new Set(['asked by the customer', 'end of the year']))
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

const SECRET = 'm4Tz-9Qw2Xr7Lb5Kd1Yc3Vn6Hs8Gf0PjRaEuIoSxZqN'

test('the client of the page publishes, looks back, and gets what it missed', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-history-client-'))
  symlinkSync(join(repositoryRoot(), 'node_modules'), join(home, 'node_modules'))
  const address = `127.0.0.1:${await freePort()}`
  const others = ['https', 'mqtt', 'mqtts', 'ops'].map((name) => [name, '127.0.0.1:0'])
  const listen = { ...Object.fromEntries(others), http: address }
  const start = () =>
    startServer({
      dataDir: join(home, 'data'),
      apps: [app('chat', { jwtSecrets: [{ value: SECRET }] })],
      config: { listen },
    })
  let server = await start()
  const iat = Math.floor(Date.now() / 1_000)
  const permissions = [{ channel: '**', actions: ['subscribe', 'publish', 'history'] }]
  const token = macToken(SECRET, { app: 'chat', sub: 'ann', iat, exp: iat + 600, permissions })
  const [, program = ''] = /```js\n(const url = [\s\S]*?)```/.exec(text) ?? []
  const here = program.replace('wss://realtime.example.com', `ws://${address}`)
  assert.notEqual(here, program)
  // What a browser has, and somebody who types what stands on a line.
  const script = `import { WebSocket } from 'ws'
globalThis.WebSocket = class extends WebSocket {
  constructor(url) { super(url); this.on('error', () => {}) }
}
globalThis.fetch = async () => ({ text: async () => '${token}' })
const show = (frame) => console.log(JSON.stringify(frame))
process.stdin.setEncoding('utf8').on('data', (line) => line === 'back' ? earlier() : publish(line))
${here}`
  writeFileSync(join(home, 'client.mjs'), script)
  const client = spawn(process.execPath, [join(home, 'client.mjs')], { cwd: home })
  let printed = ''
  for (const stream of [client.stdout, client.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => (printed += more))
  }
  const frames = () =>
    printed
      .split('\n')
      .slice(0, -1)
      .map((line): ReturnType<JSON['parse']> => JSON.parse(line))
  const said = () => frames().flatMap((each) => (each.action === 'message' ? [each.data] : []))
  const bob = new FamilyA(`ws://${address}/?token=${token}`)
  try {
    await until('it is subscribed', () => frames().some(({ action }) => action === 'subscribed'))
    client.stdin.write('hello')
    await until('its own message', () => said().includes('hello'))
    await until('its ack', () => frames().some(({ action }) => action === 'ack'))
    client.stdin.write('back')
    const page = await until('a page', () => frames().find(({ action }) => action === 'history'))
    assert.deepEqual([page.messages[0].data, page.hasMore], ['hello', false])

    // Nobody has to be quick: it comes back on its own, and is given what it missed.
    server.killNow()
    server = await start()
    await bob.connect()
    await bob.publish('room:1', 'missed', 'missed')
    await until('what it missed', () => said().includes('missed'))
    const isResumed = () => frames().some(({ action, id }) => action === 'ack' && id === 'resume')
    await until('its resume', isResumed)
    assert.deepEqual(said(), ['hello', 'missed'])
    await bob.disconnect()
  } finally {
    client.kill()
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
