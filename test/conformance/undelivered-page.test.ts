/** What docs/operating.md says about webhooks that do not arrive, run as it is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Administration, ownerKey } from '../support/administration.ts'
import { library } from '../support/clients.ts'
import { commandsOf } from '../support/page-commands.ts'
import { ScriptedReceiver } from '../support/scripted-receiver.ts'
import { app, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const { blockWith, run } = commandsOf('docs/operating.md')

test('what the page says about webhooks that do not arrive brings them there', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-operating-'))
  const chat = app('chat')
  const dataDir = join(home, 'data')
  const config = { outbound: { allowedNetworks: ['127.0.0.1'] } }
  const server = await startServer({ apps: [chat], dataDir, config })
  const receiver = await ScriptedReceiver.open()
  try {
    receiver.answer = (response) => response.writeHead(410).end()
    const admin = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const body = { name: 'hooks', receiverUrl: receiver.url(), events: ['message.published'] }
    const { webhook } = await admin.done('webhooks.create', {
      parameters: { appId: chat.id },
      body,
    })
    await library(server, chat).trigger('news', 'event', 'missed')
    const parameters = { endpointId: webhook.id }
    await until('it is given up', async () => {
      const { items } = await admin.done('deliveries.list', { parameters })
      return items.length === 1
    })
    receiver.answer = (response) => response.writeHead(204).end()
    const said = run(home, blockWith('deliveries replay'), server.http)
    assert.match(said, /410[\s\S]*missed[\s\S]*replayed count +1/i)
    await until('it has arrived', () => receiver.posts.length === 2)
    const [first, second] = receiver.posts
    assert.equal(second?.headers['webhook-id'], first?.headers['webhook-id'])
  } finally {
    await server.stop()
    await receiver.close()
    rmSync(home, { recursive: true, force: true })
  }
})
