/** What docs/publish.md tells people to do, run as it is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { REFUSALS, type RefusalCode } from '../../packages/server/src/core/refusals.ts'
import { ALICE, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const PAGE = readFileSync(join(repositoryRoot(), 'docs/publish.md'), 'utf8')
const { blockWith, run } = commandsOf('docs/publish.md')

test('the whole way of the page: both messages arrive, and one is kept', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-publish-'))
  const server = await startServer({ apps: [app('chat', USERS)], dataDir: join(home, 'data') })
  try {
    const login = { ...loginOf(ALICE), protocolVersion: 5 } as const
    const early = await connect(server.mqtt, login)
    await early.client.subscribeAsync('rooms/#')
    const shown = run(home, blockWith('/v1/publish'), server.http)
    assert.match(shown, /^(\{"success":true,"message_id":"msg_[0-9A-Za-z]{22}"\}){2}$/)
    await until('the live message', () => early.received.length === 1 || undefined)
    assert.deepEqual(early.texts(), ['{"text":"hello"}'])
    const late = await connect(server.mqtt, login)
    await late.client.subscribeAsync('devices/#')
    await until('the kept message', () => late.received.length === 1 || undefined)
    assert.deepEqual([late.received[0]?.text, late.received[0]?.retain], ['eco', true])
    await early.end()
    await late.end()
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the errors of the page are those of the server, with their status', () => {
  let count = 0
  for (const [, status = '', names = ''] of PAGE.matchAll(/^\| (\d{3}) \| (.*?) \|/gm)) {
    for (const [, name = ''] of names.matchAll(/`([a-z_]+)`/g)) {
      assert.equal(String(REFUSALS[name as RefusalCode]?.status), status, name)
      count++
    }
  }
  assert.ok(count > 15)
})
