/** The commands of docs/operating.md, run as they are written. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const BIN = join(repositoryRoot(), 'packages/server/bin/lockgate.js')
const { blockWith, run } = commandsOf('docs/operating.md')

test('what the page about operating says works, and a restored copy is the server that was', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-operating-'))
  const started = { apps: [app('chat')], dataDir: join(home, 'data') }
  let server = await startServer(started)
  try {
    const keys = run(home, blockWith('operators create'), server.http)
    assert.match(keys, /role +developer\ntenant id +\S+\n[\s\S]*Closed 0 connections/)
    assert.equal(statSync(join(home, 'data/operator.key')).mode & 0o077, 0)
    const leak = run(home, blockWith('client-secret.txt'), server.http)
    assert.match(leak, /Closed 0 connections[\s\S]*can disable[\s\S]*secret\.revoked/)
    assert.match(readFileSync(join(home, 'client-secret.txt'), 'utf8'), /^cls_\S+\n$/)
    await server.stop()

    assert.match(run(home, blockWith('tar -cf'), server.http), /^Sound: /)
    server = await startServer({ ...started, dataDir: join(home, 'restored') })
    const args = [BIN, 'whoami', '--url', server.http]
    const key = ['--operator-key-file', join(home, 'data/operator.key')]
    const who = spawnSync(process.execPath, [...args, ...key], { encoding: 'utf8' })
    assert.match(who.stdout, /role +owner/, who.stderr)
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})
