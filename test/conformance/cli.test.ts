/** The commands over the administration: the real program, as a person runs it, on a live server. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { lockgate } from '../support/command.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'

const home = mkdtempSync(join(tmpdir(), 'lockgate-cli-'))
after(() => rmSync(home, { recursive: true, force: true }))
const dataDir = join(home, 'data')
const keyFile = join(dataDir, 'operator.key')
const running = serving({ apps: [app('chat')], dataDir })

test('whoami speaks as the key of the data directory, to the address that is named', async () => {
  const { http } = running.server
  const ended = await lockgate(['whoami', '--json', '--url', http, '--data-dir', dataDir])
  assert.deepEqual([ended.code, ended.stderr], [0, ''])
  assert.equal(JSON.parse(ended.stdout).role, 'owner')
  const environment = { LOCKGATE_URL: http, LOCKGATE_OPERATOR_KEY_FILE: keyFile }
  assert.equal((await lockgate(['whoami'], { environment })).code, 0)
})

test('a key file that other users can read is not used', async () => {
  const path = join(home, 'open.key')
  writeFileSync(path, 'op_whatever\n')
  chmodSync(path, 0o644)
  const ended = await lockgate([
    'whoami',
    '--url',
    running.server.http,
    '--operator-key-file',
    path,
  ])
  assert.equal(ended.code, 1)
  assert.match(ended.stderr, /other users .*open\.key: chmod 600/)
  assert.equal(ended.stdout, '')
})
