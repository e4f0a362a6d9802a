/**
 * Secrets stay where they belong: planted ones are looked for in everything a server leaves behind.
 */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { library } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { Wire } from '../support/wire.ts'

const CANARY = 'canary-7f3b9c2e51d84a06'
const MASTER_KEY = Buffer.alloc(32, 'canary-master-key').toString('base64')
const APP = app('kept', { secret: CANARY })

/** The forms in which a secret could leak without being seen at once. */
const FORMS = [
  CANARY,
  Buffer.from(CANARY).toString('base64').slice(0, -2),
  Buffer.from(CANARY).toString('base64url'),
  Buffer.from(CANARY).toString('hex'),
  MASTER_KEY,
  Buffer.from(MASTER_KEY, 'base64').toString('hex'),
]

test('a planted secret is in no log, answer, metric or file of the server', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-canary-'))
  const config = { logLevel: 'debug', masterKey: MASTER_KEY }
  const server = await startServer({ apps: [APP], dataDir, config })
  const seen: string[] = []
  try {
    const accepted = await library(server, APP).trigger('news', 'e', { some: 'data' })
    seen.push(await accepted.text())
    const wrong = `auth_key=${APP.key}&auth_signature=${signatureOf('wrong')}&auth_version=1.0`
    for (const target of [`/apps/${APP.id}/channels?${wrong}`, '/', '/elsewhere']) {
      const answer = await send(server.http, { method: 'GET', target })
      seen.push(JSON.stringify(answer.headers), answer.body)
    }
    const wire = await Wire.open(server, APP)
    wire.send({ event: 'pusher:subscribe', data: { channel: 'private-a', auth: `${APP.key}:x` } })
    wire.send({ event: 'pusher:signin', data: { auth: `${APP.key}:x`, user_data: '{}' } })
    seen.push(JSON.stringify(await wire.closure()), JSON.stringify(wire.frames))
    seen.push((await send(server.ops, { method: 'GET', target: '/metrics' })).body)
  } finally {
    await server.stop()
  }
  seen.push(server.stdout, server.stderr)
  for (const file of readdirSync(dataDir)) seen.push(readFileSync(join(dataDir, file), 'latin1'))
  rmSync(dataDir, { recursive: true, force: true })
  assert.ok(seen.join('').includes('listening'), 'the log was looked at')
  for (const text of seen) {
    for (const form of FORMS)
      assert.ok(!text.includes(form), `a secret is in: ${text.slice(0, 300)}`)
  }
})

function signatureOf(text: string): string {
  return createHmac('sha256', CANARY).update(text).digest('hex')
}
