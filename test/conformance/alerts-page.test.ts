/** The commands and the configuration of docs/alerts.md, as they are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { parse } from 'yaml'
import { lockgate } from '../support/command.ts'
import { send } from '../support/http.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const RUN_MS_MAX = 50_000
const PAGE = readFileSync(join(repositoryRoot(), 'docs/alerts.md'), 'utf8')
const home = mkdtempSync(join(tmpdir(), 'lockgate-alerts-page-'))
after(() => rmSync(home, { recursive: true, force: true }))

const blocksOf = (language: string) =>
  Array.from(PAGE.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g')), ([, text]) =>
    String(text),
  )

test('the commands of the page show what happened and what lasts', async () => {
  const server = await startServer({ apps: [app('chat')], dataDir: join(home, 'data') })
  try {
    for (let count = 0; count < 20; count++) {
      const query = 'auth_key=chat-key&auth_timestamp=1&auth_version=1.0&auth_signature=x'
      await send(server.http, { method: 'GET', target: `/apps/chat/channels?${query}` })
    }
    const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
    const script = blocksOf('sh')
      .join('')
      .replaceAll('npx lockgate', `"${process.execPath}" "${bin}"`)
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: home, // where `data` is
      encoding: 'utf8',
      timeout: RUN_MS_MAX,
      env: { PATH: process.env['PATH'], HOME: home, LOCKGATE_URL: server.http },
    })
    assert.equal(ran.status, 0, ran.stderr)
    assert.match(ran.stdout, /auth\.failed[\s\S]*signature-failures/)
    const events = JSON.parse(readFileSync(join(home, 'events.json'), 'utf8'))
    assert.ok(events.items.every((each: { appId: string }) => each.appId === 'chat'))
    const alerts = JSON.parse(readFileSync(join(home, 'alerts.json'), 'utf8'))
    assert.equal(alerts.items[0].rule, 'signature-failures')
  } finally {
    await server.stop()
  }
})

test('the configuration of the page is one, and the table of rules says what there is', async () => {
  const [text = ''] = blocksOf('yaml')
  writeFileSync(join(home, 'smtp-password'), 'right\n', { mode: 0o600 })
  writeFileSync(join(home, 'lockgate.yaml'), text)
  const args = ['check-config', '--json', '--config', join(home, 'lockgate.yaml')]
  const checked = await lockgate(args, { workingDir: home })
  assert.equal(checked.code, 0, checked.stdout)
  const { config } = JSON.parse(checked.stdout)
  assert.equal(config.smtp.password, '***')
  const named = (rules: readonly { name: string }[]) => rules.map(({ name }) => name).sort()
  const [, section = ''] = PAGE.split(/^## (?:Alerts|Metrics.*)$/m)
  const rows = Array.from(section.matchAll(/^\| `([a-z-]+)` \|/gm), ([, name = '']) => ({ name }))
  assert.deepEqual(named(config.alertRules), named(rows))
  assert.ok(named(config.alertRules).includes(parse(text).alertRules[0].name))
})
