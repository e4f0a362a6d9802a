/** What docs/limits.md says: its table is the table of the server, its examples work. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  LIMITS,
  LIMIT_NAMES,
  limitKind,
} from '../../packages/server/src/core/limits/limit-names.ts'
import { formatWindow } from '../../packages/server/src/core/limits/limit-text.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const PAGE = readFileSync(join(repositoryRoot(), 'docs/limits.md'), 'utf8')
const { blockWith, run } = commandsOf('docs/limits.md')

test('the table of the page is the table of the server', () => {
  const rows = LIMIT_NAMES.map((name) => {
    const { default: amount, setBy, does } = limitKind(name)
    const text = amount && `\`${amount.quota}/${formatWindow(amount.windowMs)}\``
    return `| \`${name}\` | ${text ?? 'none'} | ${setBy} | ${does} |`
  })
  const shown = PAGE.split('\n').filter((line) => {
    const [, name = ''] = /^\| `([a-z_.]+)` \|/.exec(line) ?? []
    return Object.hasOwn(LIMITS, name)
  })
  assert.deepEqual(shown, rows)
})

test('the configuration of the page is taken as it is', () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-limits-'))
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

test('the commands of the page show and reset what was used', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-limits-'))
  const dataDir = join(home, 'data')
  const shop = app('shop', { limits: ['publish.user 10/1s', 'connections.user 20'] })
  const server = await startServer({ apps: [shop], dataDir })
  try {
    const shown = run(home, blockWith('limits list'), server.http)
    assert.match(shown, /publish\.user +publish\.user 10\/1s +app/)
    assert.match(shown, /connections\.user +connections\.user 20 +app/)
    assert.match(shown, /192\.0\.2\.1/)
    const administration = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const parameters = { tenantId: '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111', database: 'local' }
    const { items } = await administration.done('audit.list', { parameters })
    assert.ok(items.some(({ entry }) => entry['reason'] === 'a fair in the city'))
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
