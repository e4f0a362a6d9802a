/** A short rotation drill; the bench runs the long one. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { Administration, ownerKey } from '../support/administration.ts'
import { runDrill } from '../support/drill.ts'
import { app, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const SECONDS = 8
const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const CLIENT = { clientId: 'drill-client', clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' }

test('every kind of secret rotates under load: no request fails, no message is lost', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-drill-'))
  const declared = app('drill', CLIENT)
  const server = await startServer({ apps: [declared], dataDir })
  try {
    const { id, key, secret: signingSecret } = declared
    const { http } = server
    const outcome = await runDrill({
      place: { http, app: { id, key }, clientId: CLIENT.clientId, channel: 'private-drill' },
      tenantId: TENANT_ID,
      signingSecret,
      clientSecret: CLIENT.clientSecret,
      administrationBy: (by) => new Administration(() => server, by),
      operatorKey: ownerKey(dataDir),
      connect(url, told) {
        const socket = new WebSocket(url)
        socket.on('message', (data: Buffer) => told.message(data.toString('utf8')))
        socket.on('close', told.closed)
        return socket
      },
      subscriberCount: 10,
      seconds: SECONDS,
    })
    assert.deepEqual(outcome.failures, [])
    assert.equal(outcome.failed, 0)
    assert.equal(outcome.wrong, 0)
    assert.equal(outcome.closed, 0)
    assert.ok(outcome.rounds >= 2, `only ${outcome.rounds} round`)
    assert.ok(outcome.requests > 100 && outcome.deliveries > 100)
    assert.equal(await server.metric('lockgate_bugs_total'), 0)
  } finally {
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
