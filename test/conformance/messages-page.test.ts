/** What docs/messages.md tells people to do, run as it is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandsOf } from '../support/page-commands.ts'
import { app, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const { blockWith, run } = commandsOf('docs/messages.md')

test('the calls of the page publish a message, read it back, and see nobody there', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-messages-page-'))
  const server = await startServer({ apps: [app('chat')], dataDir: join(home, 'data') })
  try {
    const shown = run(home, blockWith('/messages'), server.http).split('\n')
    const [published, page, present] = shown.map((line) => JSON.parse(line))
    const { timestamp } = published
    const first = { sequence: 1, repeated: false }
    assert.deepEqual(published, { id: 'order-17', channel: 'rooms:42', timestamp, ...first })
    assert.equal(page.hasMore, false)
    assert.equal(page.messages.length, 1)
    const [{ publisherId, ...message }] = page.messages
    assert.match(publisherId, /^cred_/)
    const { repeated: _, ...read } = published
    assert.deepEqual(message, { ...read, data: { text: 'hello' } })
    assert.deepEqual(present, { channel: 'rooms:42', members: [] })
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
