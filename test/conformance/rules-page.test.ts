/** What docs/rules.md says: its rules are the rules of the server, its examples work. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_RULES } from '../../packages/server/src/core/rules/default-rules.ts'
import { ruleText } from '../../packages/server/src/core/rules/rule-text.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const PAGE = readFileSync(join(repositoryRoot(), 'docs/rules.md'), 'utf8')
const { blockWith, run } = commandsOf('docs/rules.md')

test('the rules everybody begins with are those of the server', () => {
  const rows = DEFAULT_RULES.map((rule, index) => `| ${index + 1} | \`${ruleText(rule)}\` |`)
  const shown = PAGE.split('\n').filter((line) => /^\| \d \|/.test(line))
  assert.deepEqual(shown, rows)
})

test('the configuration of the page is taken as it is', () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-rules-'))
  try {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(PAGE) ?? []
    const file = join(home, 'lockgate.yaml')
    writeFileSync(file, yaml)
    const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
    const words = [bin, 'check-config', '--config', file]
    const ran = spawnSync(process.execPath, words, { cwd: home, encoding: 'utf8' })
    assert.equal(ran.status, 0, ran.stdout + ran.stderr)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})

test('the commands of the page make, explain, import and export rules', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-rules-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ apps: [app('shop')], dataDir })
  try {
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(PAGE) ?? []
    writeFileSync(join(home, 'shop.json'), json)
    const made = run(home, blockWith('rules validate'), server.http)
    assert.match(made, /default +6 +yes/)
    assert.match(made, /web +8 +no/)
    const changed = run(home, blockWith('rules update'), server.http)
    assert.match(changed, /"revision": ?1/)
    assert.match(changed, /revision +2/)
    const why = run(home, blockWith('explain $TENANT'), server.http)
    assert.match(why, /Every layer allows it/)
    assert.match(why, /No rule that allows subscribe covers/)
    assert.match(why, /denies a part of it: rooms\/staff\/chat/)
    assert.match(why, /No rule that allows publish matches/)
    const integrations = run(home, blockWith('integrations disable'), server.http)
    assert.match(integrations, /https:\/\/abcdefghijklmnop\.supabase\.co\/auth\/v1/)
    const exported = run(home, blockWith('rules import'), server.http)
    assert.match(exported, /"topic": ?"inbox\/\{email\}\/#"/)
    const administration = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const parameters = { tenantId: TENANT, database: 'control' }
    const { items } = await administration.done('audit.list', { parameters })
    const actions = new Set(items.map(({ entry }) => entry['action']))
    for (const action of ['rules.created', 'rules.updated', 'integration.disabled']) {
      assert.ok(actions.has(action), action)
    }
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
