/** What docs/history.md says: its commands work, its defaults are those of the server. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_APP_SETTINGS } from '../../packages/server/src/config/app-schema.ts'
import { DELETED_COUNT_MAX } from '../../packages/server/src/credentials/administration/history-changes.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

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
