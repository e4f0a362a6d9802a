/** `npm start` as a service manager uses it: it serves, and it goes away when npm is told to. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

test('a signal to npm alone reaches the server, which drains', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-npm-'))
  const npm = spawn('npm', ['start'], {
    cwd: process.cwd(),
    env: {
      ...process.env,
      LOCKGATE_DATA_DIR: dataDir,
      LOCKGATE_LISTEN_HTTP: '127.0.0.1:0',
      LOCKGATE_LISTEN_OPS: '127.0.0.1:0',
      LOCKGATE_LISTEN_MQTT: '127.0.0.1:0',
      LOCKGATE_DRAIN_MS: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that a failure leaves nothing running
  })
  let output = ''
  const keep = (bytes: Buffer) => {
    output += bytes.toString('utf8')
  }
  npm.stdout.on('data', keep)
  npm.stderr.on('data', keep)
  try {
    await until('the server to listen', () => output.includes('"event":"listening"'), 30_000)
    npm.kill('SIGTERM')
    await until('the server to stop', () => output.includes('"event":"stopped"'), 30_000)
    assert.ok(output.includes('"event":"draining"'))
  } finally {
    endGroup(npm.pid)
    rmSync(dataDir, { recursive: true, force: true })
  }
})

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
