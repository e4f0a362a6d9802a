/** What docs/bridges.md tells people to do, run as it is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { parseBridge } from '../../packages/protocol/src/pusher/topic-bridge.ts'
import { Clients, subscribed } from '../support/clients.ts'
import { ALICE, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { collect, until } from '../support/wait.ts'

const PAGE = readFileSync(join(repositoryRoot(), 'docs/bridges.md'), 'utf8')
const { blockWith, run } = commandsOf('docs/bridges.md')

let server: LiveServer | undefined
const clients = new Clients(() => {
  assert.ok(server !== undefined)
  return server
})
after(() => clients.closeAll())

test('the command of the page makes one room of two', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-bridges-'))
  const chat = app('chat', USERS)
  const started = await startServer({ apps: [chat], dataDir: join(home, 'data') })
  server = started
  try {
    run(home, blockWith('apps update'), started.http)
    const device = await connect(started.mqtt, loginOf(ALICE))
    await device.client.subscribeAsync('rooms/+/chat', { qos: 1 })
    const page = await clients.connected(chat)
    const channel = await subscribed(page, 'private-room-42')
    const heard = collect(channel, 'client-message')
    await device.client.publishAsync('rooms/42/chat', 'hello', { qos: 1 })
    await until('the page hears the device', () => heard.length === 1)
    assert.deepEqual(heard, ['hello'])
    channel.trigger('client-message', { text: 'hi' })
    await until('the device hears the page', () => device.received.length === 2)
    assert.deepEqual(device.texts(), ['hello', '{"text":"hi"}'])
    await device.end()
  } finally {
    clients.closeAll()
    await started.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the bridges of the page are some', () => {
  const declared = [...PAGE.matchAll(/^ {2}- '(.+)'$/gm)].map(([, text = '']) => text)
  assert.equal(declared.length, 3)
  for (const text of declared) assert.ok(parseBridge(text).ok, text)
})
