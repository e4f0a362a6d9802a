/** What docs/documents.md says: its commands work as they are written, its limits are ours. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { LIMITS } from '../../packages/server/src/core/limits/limit-names.ts'
import { UNLIMITED } from '../../packages/server/src/ports/records/plan.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app } from '../support/server.ts'
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

test('the numbers of the page are those of the server', () => {
  for (const name of ['discovery.ip', 'usage.ip', 'health.ip'] as const) {
    assert.ok(text.includes(`\`${name}\` ${LIMITS[name].default.quota}`), name)
    assert.equal(LIMITS[name].default.windowMs, 60_000)
  }
  assert.ok(text.includes(String(UNLIMITED)))
})
