/** The commands of docs/credentials.md, run as they are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const RUN_MS_MAX = 60_000

test('the commands of the page about credentials do what it says', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-page-'))
  const server = await startServer({ apps: [app('chat')], dataDir: join(home, 'data') })
  try {
    const page = readFileSync(join(repositoryRoot(), 'docs/credentials.md'), 'utf8')
    const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(page) ?? []
    const script = commands.replace('http://127.0.0.1:8080', server.http)
    assert.notEqual(script, commands)
    const ran = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: home, // where `data` is
      encoding: 'utf8',
      timeout: RUN_MS_MAX,
    })
    assert.equal(ran.status, 0, ran.stderr)
    const [first, second, ...rest] = ran.stdout.split(/(?<=^\{\}|^\{\}\{\})/)
    assert.deepEqual([first, second?.slice(0, 2)], ['{}', '{}'])
    const text = [second, ...rest].join('')
    assert.match(text, /false\n\[\n? *'127\.0\.0\.1 \(curl.*used version 1 over http 2 times/s)
    assert.match(text, /closedCount: 0/)
    assert.match(text, /credential_invalid\n$/)
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
