/** What docs/connection-tokens.md tells people to do, run as it is written. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVICE_ERRORS } from '../../packages/server/src/http/token-service/answers.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { commandsOf } from '../support/page-commands.ts'
import { app, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const ORGANIZATION = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
const PAGE = readFileSync(join(repositoryRoot(), 'docs/connection-tokens.md'), 'utf8')
const { blockWith, run } = commandsOf('docs/connection-tokens.md')

test('the whole way of the page: minted, renewed, listed, ended', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-tokens-'))
  const dataDir = join(home, 'data')
  const server = await startServer({ apps: [app('chat')], dataDir })
  try {
    const names = `export ORGANIZATION_ID=${ORGANIZATION} TENANT_ID=${ORGANIZATION}\n`
    const shown = run(home, names + blockWith('tokens/create') + TELL, server.http)
    const [answers = '', told = ''] = shown.split('TOLD')
    const [listed, revoked] = answers
      .split(/(?<=\})(?=\{)/)
      .map((text) => JSON.parse(text.trim()) as Record<string, unknown>)
    assert.ok(Array.isArray(listed?.['tokens']) && listed['tokens'].length === 1)
    assert.deepEqual(revoked, { revoked: 1 })
    const [created, renewed] = JSON.parse(told)
    assert.equal(created.expires_in, 900)
    assert.equal(renewed.token_id, created.token_id)
    assert.deepEqual(renewed.mqtt_credentials.username, created.mqtt_credentials.username)
    run(home, names + blockWith('integrations create'), server.http)
    assert.match(run(home, names + blockWith('token-keys rotate'), server.http), /version/i)
    const administration = new Administration(
      () => server,
      () => ownerKey(dataDir),
    )
    const { items } = await administration.done('integrations.list', {
      parameters: { tenantId: ORGANIZATION },
    })
    assert.equal(items[0]?.provider?.issuer, 'https://abcdefgh.supabase.co/auth/v1')
  } finally {
    await server.stop()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the errors of the page are those of the server, with their status', () => {
  for (const [, status = '', names = ''] of PAGE.matchAll(/^\| (\d{3}) \| (.*?) \|/gm)) {
    for (const [, name = ''] of names.matchAll(/`([a-z_]+)`/g)) {
      assert.equal(String(SERVICE_ERRORS[name as keyof typeof SERVICE_ERRORS]), status, name)
    }
  }
})

const TELL = '\necho TOLD; echo "[$TOKEN, $RENEWED]"\n'
