/** What was answered is durable: tokens outlive a restart, and a server that is killed. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { buyTokens, postForm, publishWith, refresh } from '../support/tokens.ts'

const CLIENT = { clientId: 'durable-client', clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' }
const APP = app('durable', CLIENT)
/** The address is part of the issuer, and the system chooses another port at each start. */
const CONFIG = { publicUrl: 'https://tokens.example' }

async function inDirectory(work: (start: () => Promise<LiveServer>) => Promise<void>) {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-durable-'))
  const started: LiveServer[] = []
  const start = async () => {
    const server = await startServer({ apps: [APP], dataDir, config: CONFIG })
    started.push(server)
    return server
  }
  try {
    await work(start)
  } finally {
    for (const server of started) if (server.exit === undefined) await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

test('refresh and access tokens go on after a restart', () =>
  inDirectory(async (start) => {
    const first = await start()
    const { access, refresh: token } = await buyTokens(first, CLIENT)
    await first.stop()
    const second = await start()
    assert.equal(await publishWith(second, APP.id, access), 200)
    const { status, body } = await refresh(second, CLIENT.clientId, token)
    assert.equal(status, 200)
    await second.stop()
    const third = await start()
    assert.equal((await refresh(third, CLIENT.clientId, body.refresh_token)).status, 200)
  }))

test('what a killed server has answered holds: every successor, every revocation', () =>
  inDirectory(async (start) => {
    let server = await start()
    const families = await Promise.all(
      Array.from({ length: 5 }, () => buyTokens(server, CLIENT).then((each) => each.refresh)),
    )
    const [revoked = ''] = families.splice(0, 1)
    const form = { client_id: CLIENT.clientId, token: revoked }
    assert.equal((await postForm(server, '/oauth/revoke', form)).status, 200)
    let tokens = families
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        tokens.map((each) => refresh(server, CLIENT.clientId, each)),
      )
      for (const { status, body } of answers) assert.equal(status, 200, JSON.stringify(body))
      await server.killHard()
      server = await start()
      // The reply may have been lost with the server: the token before gives the same again.
      for (const [index, each] of tokens.entries()) {
        const again = await refresh(server, CLIENT.clientId, each)
        assert.equal(again.status, 200)
        assert.equal(again.body.refresh_token, answers[index]?.body.refresh_token)
      }
      tokens = answers.map(({ body }) => body.refresh_token)
    }
    assert.equal((await refresh(server, CLIENT.clientId, revoked)).status, 401)
    await server.killHard()
  }))
