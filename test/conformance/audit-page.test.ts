/** The commands of docs/audit.md, run as they are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

const RUN_MS_MAX = 50_000

test('the commands of the page about the audit log do what it says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-audit-page-'))
  const witnessFile = join(home, 'witness.jsonl')
  const server = await startServer({
    apps: [app('chat')],
    dataDir: join(home, 'data'),
    config: { audit: { witnessFile, checkpointSeconds: 5 } },
  })
  try {
    const page = readFileSync(join(repositoryRoot(), 'docs/audit.md'), 'utf8')
    const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(page) ?? []
    const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
    const script = commands.replaceAll('npx lockgate', `"${process.execPath}" "${bin}"`)
    await until('the witness has something', () => existsSync(witnessFile), RUN_MS_MAX)
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: home, // where `data` and the witness are
      encoding: 'utf8',
      timeout: RUN_MS_MAX,
      env: { PATH: process.env['PATH'], HOME: home, LOCKGATE_URL: server.http },
    })
    assert.equal(ran.status, 0, ran.stderr)
    const sound = 'Sound: \\d+ tenants?, \\d+ chains?, \\d+ rows?, \\d+ checkpoints?\\.'
    const witnessed = 'As witnessed: \\d+ checkpoints?, \\d+ chains?, \\d+ rows?\\.'
    assert.match(ran.stdout, new RegExp(`${sound}\n${sound}\n${witnessed}\n${sound}\n$`))
    const key = JSON.parse(readFileSync(join(home, 'audit-key.json'), 'utf8'))
    assert.equal(key.crv, 'Ed25519')
    const lines = readFileSync(join(home, 'audit.ndjson'), 'utf8').split('\n').filter(Boolean)
    assert.ok(lines.length > 5)
    for (const line of lines) assert.equal(JSON.parse(line).metadata.version, '1.5.0')
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
