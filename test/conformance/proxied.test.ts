/** Behind a proxy: whose word counts on where a client is and how it came, and whose does not. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { Administration, ownerKey } from '../support/administration.ts'
import { rawAnswer, rawRequest } from '../support/raw-answer.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const SECURE = app('proxied', { requireTls: true })
const home = mkdtempSync(join(tmpdir(), 'lockgate-proxied-'))
after(() => rmSync(home, { recursive: true, force: true }))
const [behindDir, bareDir] = [join(home, 'behind'), join(home, 'bare')]
const proxies = { trustedProxies: ['127.0.0.1'] }
const behind = serving({ apps: [SECURE], config: proxies, dataDir: behindDir })
const bare = serving({ apps: [SECURE], dataDir: bareDir })

/** Connects as a proxy would that adds these headers. @returns `open` or the close code. */
async function outcome(
  it: typeof behind,
  headers: Readonly<Record<string, string>>,
): Promise<'open' | number> {
  const wire = new Wire(it.server.socketUrl(SECURE.key), { headers })
  await until('an outcome', () => wire.frames.length > 0 || wire.closed !== undefined)
  if (wire.frames[0]?.event !== 'pusher:connection_established') return (await wire.closure()).code
  await wire.close()
  return 'open'
}

/** Pusher's code for "connect with TLS". */
const TLS_ONLY = 4000

test('requireTls takes the word of a trusted proxy on how the client came', async () => {
  assert.equal(await outcome(behind, { 'X-Forwarded-Proto': 'https' }), 'open')
  assert.equal(await outcome(behind, { 'X-Forwarded-Proto': 'http' }), TLS_ONLY)
  assert.equal(await outcome(behind, {}), TLS_ONLY)
})

test('requireTls takes no word a client could have put there', async () => {
  for (const value of ['https, http', 'http, https', 'wss', '', 'https,', 'HTTPS;q=1']) {
    assert.equal(await outcome(behind, { 'X-Forwarded-Proto': value }), TLS_ONLY, value)
  }
  for (const name of ['X-Forwarded-Ssl', 'Front-End-Https', 'X-Forwarded-Scheme', 'X-Url-Scheme']) {
    assert.equal(await outcome(behind, { [name]: 'https' }), TLS_ONLY, name)
  }
  assert.equal(await outcome(behind, { Forwarded: 'proto=https' }), TLS_ONLY)
  assert.equal(await outcome(bare, { 'X-Forwarded-Proto': 'https' }), TLS_ONLY)
})

/** Fails to sign in from behind these headers. @returns the addresses that the audit log has then. */
async function addressesAfter(
  it: typeof behind,
  { dataDir, ...headers }: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const owner = new Administration(
    () => it.server,
    () => ownerKey(dataDir ?? ''),
  )
  const addresses = async () => {
    const { items } = await owner.done('audit.list', { parameters: { limit: 100 } })
    return items.flatMap(({ entry }) => {
      const { action, source } = entry as { action?: string; source?: { ip?: string } }
      return action === 'auth.failed' && source?.ip !== undefined ? [source.ip] : []
    })
  }
  const before = (await addresses()).length
  await rawAnswer(it.server.http, rawRequest('GET /admin/v1/whoami', headers))
  await until('the denial is written down', async () => (await addresses()).length > before)
  return addresses()
}

test('the address in the audit log is what a trusted proxy saw, not what a client invented', async () => {
  const seen = await addressesAfter(behind, {
    dataDir: behindDir,
    'X-Forwarded-For': '203.0.113.99, 198.51.100.1',
    'X-Real-IP': '203.0.113.98',
    Forwarded: 'for=203.0.113.97',
    'CF-Connecting-IP': '203.0.113.96',
    'True-Client-IP': '203.0.113.95',
  })
  assert.deepEqual(seen, ['198.51.100.1'])
})

test('without a trusted proxy every forwarding header is ignored', async () => {
  const seen = await addressesAfter(bare, {
    dataDir: bareDir,
    'X-Forwarded-For': '203.0.113.99',
    'X-Real-IP': '203.0.113.98',
    Forwarded: 'for=203.0.113.97',
    'CF-Connecting-IP': '203.0.113.96',
    'True-Client-IP': '203.0.113.95',
  })
  assert.deepEqual(seen, ['127.0.0.1'])
})
