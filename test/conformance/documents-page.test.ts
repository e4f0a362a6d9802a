/** What docs/documents.md says: its commands work as they are written, its limits are ours. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LIMITS } from '../../packages/server/src/core/limits/limit-names.ts'
import { UNLIMITED } from '../../packages/server/src/ports/records/plan.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'

const EDITOR = app('editor', {
  clientId: 'editor-client',
  clientSecret: 'a-secret-of-the-editor-0123456789',
})
const { blockWith, run, text } = commandsOf('docs/documents.md')
const it = serving({ apps: [EDITOR] })

test('the commands of the page get a token, find a document, and tell use and health', () => {
  const printed = run(tmpdir(), blockWith('/connect/token'), it.server.http)
  const [where, usage, health] = printed
    .trim()
    .split('\n')
    .map((line): ReturnType<JSON['parse']> => JSON.parse(line))
  const { host } = new URL(it.server.http)
  assert.deepEqual(where, { region: 'local', url: `ws://${host}/notes`, isNew: true })
  const nothing = { current: 0, limit: UNLIMITED, percent: 0, status: 'healthy' }
  assert.deepEqual(usage.usage, { connections: nothing, documents: nothing })
  assert.equal(health.status, 'healthy')
})

test('the commands of the page list and delete documents, and the audit says who did', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-documents-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ dataDir })
  try {
    const administration = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const { id: tenantId } = await administration.done('tenants.create', { body: { name: 'A' } })
    const { app: made } = await administration.done('apps.create', {
      body: { tenantId, name: 'editor', plan: 'unlimited' },
    })
    const commands = blockWith('documents list').replaceAll(' editor ', ` ${made.id} `)
    const printed = run(home, commands, server.http)
    assert.match(printed, /"items": ?\[\]/)
    assert.match(printed, /"wasOpen": ?false/)
    const changed = await administration.done('apps.get', { parameters: { appId: made.id } })
    assert.equal(changed.settings.documentPersistence, true)
    const parameters = { tenantId, database: 'local' }
    const { items } = await administration.done('audit.list', { parameters })
    const row = items.find(({ entry }) => entry['action'] === 'document.deleted')
    assert.equal(row?.entry['reason'], 'asked by the customer')
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the numbers of the page are those of the server', () => {
  for (const name of ['discovery.ip', 'usage.ip', 'health.ip'] as const) {
    assert.ok(text.includes(`\`${name}\` ${LIMITS[name].default.quota}`), name)
    assert.equal(LIMITS[name].default.windowMs, 60_000)
  }
  assert.ok(text.includes(String(UNLIMITED)))
})
