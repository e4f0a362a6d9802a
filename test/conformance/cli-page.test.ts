/** The session of docs/cli.md, run as it is written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const RUN_MS_MAX = 120_000

test('the session of the page about the command line does what it says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-page-'))
  const server = await startServer({ apps: [app('chat')], dataDir: join(home, 'data') })
  try {
    const page = readFileSync(join(repositoryRoot(), 'docs/cli.md'), 'utf8')
    const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(page) ?? []
    const bin = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
    const program = `lockgate() { '${process.execPath}' '${bin}' "$@"; }\n`
    const script = program + commands.replaceAll('npx lockgate', 'lockgate')
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: home, // where `data` is
      env: { PATH: process.env['PATH'], LOCKGATE_URL: server.http },
      encoding: 'utf8',
      timeout: RUN_MS_MAX,
    })
    assert.equal(ran.status, 0, ran.stderr)
    for (const name of ['backend.key', 'backend-new.key']) {
      assert.match(readFileSync(join(home, name), 'utf8'), /^sk_\S+\n$/)
    }
    assert.match(ran.stdout, /^can disable +yes$/m)
    assert.match(ran.stdout, /^Closed 0 connections on 1 node in [\d.]+ ms\.$/m)
    assert.match(ran.stdout, /^SEQ +AT +ACTION/m)
    assert.match(ran.stdout, /^Sound: \d+ tenants?, \d+ chains?, \d+ rows?, \d+ checkpoints?\.$/m)
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
