/** The token keeper, the verifier and the administration of the SDK against the started server. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { AccessTokenVerifier } from '../../packages/server-sdk/src/access-token.ts'
import {
  createLockgateAdmin,
  type LockgateAdmin,
  valueOrThrow,
} from '../../packages/server-sdk/src/admin.ts'
import { operatorKeyFile } from '../../packages/server-sdk/src/operator-key-file.ts'
import { RedisCache } from '../../packages/server-sdk/src/redis-cache.ts'
import { nodeRedis } from '../../packages/server-sdk/src/redis-commands.ts'
import { SYSTEM } from '../../packages/server-sdk/src/system.ts'
import type { TokenError, TokenWarning } from '../../packages/server-sdk/src/token-error.ts'
import { TokenKeeper, type TokenKeeperOptions } from '../../packages/server-sdk/src/token-keeper.ts'
import { packedSdk } from '../support/packed-sdk.ts'
import { startRedis } from '../support/redis.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { publishWith } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa'
const APPS = ['restart', 'heap', 'shared', 'regenerate', 'rotate', 'verify'].map((id) =>
  app(id, { clientId: `client-${id}`, clientSecret: SECRET }),
)
const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'
/** Past the point of renewal of every keeper, before the end of the life. */
const DUE_MS = 800_000

const home = mkdtempSync(join(tmpdir(), 'lockgate-keeper-'))
const dataDir = join(home, 'data')
let server: LiveServer
let admin: LockgateAdmin

/** The port stays the same over a restart, as it does for the users of a server. */
async function start(http = '127.0.0.1:0'): Promise<void> {
  const listen = { http, https: '127.0.0.1:0', mqtt: '127.0.0.1:0', ops: '127.0.0.1:0' }
  const config = { listen, publicUrl: 'https://tokens.example' }
  server = await startServer({ apps: APPS, dataDir, config })
  const operatorKey = operatorKeyFile(join(dataDir, 'operator.key'))
  admin = createLockgateAdmin({ url: server.http, operatorKey, agent: 'conformance' })
}

before(() => start())
after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

interface Kept {
  readonly keeper: TokenKeeper
  readonly warnings: TokenWarning[]
  fetchCount: number
  /** Moves the keeper's clock alone: the server's tokens are as young as before. */
  aheadMs: number
}

function keep(id: string, options: Partial<TokenKeeperOptions> = {}): Kept {
  const warnings: TokenWarning[] = []
  const kept = {
    warnings,
    fetchCount: 0,
    aheadMs: 0,
    keeper: new TokenKeeper({
      tokenUrl: `${server.http}/connect/token`,
      clientId: `client-${id}`,
      system: { ...SYSTEM, now: () => SYSTEM.now() + kept.aheadMs },
      onWarning: (warning) => warnings.push(warning),
      ...options,
      fetchSecrets: () => {
        kept.fetchCount += 1
        return options.fetchSecrets?.() ?? Promise.resolve(SECRET)
      },
    }),
  } as Kept
  return kept
}

async function liveFamilies(appId: string): Promise<number> {
  const families = admin.items('tokens.families', { parameters: { appId } })
  let count = 0
  for await (const family of families) if (family.state === 'active') count += 1
  return count
}

async function clientSecretOf(appId: string): Promise<string> {
  const { items } = valueOrThrow(await admin.call('credentials.list', { parameters: { appId } }))
  return items.find(({ kind }) => kind === 'client_secret')?.id ?? ''
}

test('a keeper goes on over a restart of the server without its secret', async () => {
  const kept = keep('restart')
  const first = await kept.keeper.getToken()
  assert.equal(await publishWith(server, 'restart', first), 200)
  const { host } = new URL(server.http)
  await server.stop()
  kept.aheadMs = DUE_MS
  assert.equal(
    await kept.keeper.getToken(),
    first,
    'the token in hand is used while nothing answers',
  )
  assert.deepEqual(
    kept.warnings.map(({ code }) => code),
    ['renewal_failed'],
  )
  await start(host)
  kept.keeper.discard(first)
  const second = await until('the pause after the failure is over', () =>
    kept.keeper.getToken().catch((error: TokenError) => {
      assert.equal(error.code, 'unavailable')
      return undefined
    }),
  )
  assert.notEqual(second, first)
  assert.equal(await publishWith(server, 'restart', second), 200)
  assert.equal(kept.fetchCount, 1)
  assert.equal(await liveFamilies('restart'), 1)
})

test('after the bootstrap the secret is in no corner of the memory of the process', () => {
  const project = join(home, 'heap')
  packedSdk(project)
  writeFileSync(join(project, 'secret'), SECRET)
  writeFileSync(
    join(project, 'keep.mjs'),
    `import { readFile } from 'node:fs/promises'
    import { getHeapSnapshot } from 'node:v8'
    import { TokenKeeper } from '@lockgate/server-sdk/token-keeper'
    const keeper = new TokenKeeper({
      tokenUrl: process.argv[2],
      clientId: 'client-heap',
      fetchSecrets: async () => (await readFile('secret', 'utf8')).trim(),
    })
    let token = await keeper.getToken()
    for (let count = 0; count < 3; count += 1) {
      keeper.discard(token)
      token = await keeper.getToken()
    }
    let text = ''
    for await (const chunk of getHeapSnapshot()) text += chunk
    const secret = (await readFile('secret', 'utf8')).trim()
    console.log(JSON.stringify({ secret: text.includes(secret), token: text.includes(token.slice(0, 200)) }))`,
  )
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['keep.mjs', `${server.http}/connect/token`],
    { cwd: project, encoding: 'utf8' },
  )
  assert.equal(status, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { secret: false, token: true })
})

test('keepers that share a Redis have one family, and go on while it is gone', async () => {
  const redis = await startRedis()
  try {
    const clients = await Promise.all(Array.from({ length: 8 }, () => redis.connect()))
    const cacheKeysBase64 = [Buffer.alloc(32, 7).toString('base64')]
    const keepers = clients.map((client) =>
      keep('shared', { cache: new RedisCache(nodeRedis(client)), cacheKeysBase64 }),
    )
    const fetchesOfAll = () => keepers.reduce((sum, { fetchCount }) => sum + fetchCount, 0)
    const tokensOfAll = () => Promise.all(keepers.map(({ keeper }) => keeper.getToken()))
    assert.equal(new Set(await tokensOfAll()).size, 1)
    assert.equal(fetchesOfAll(), 1)
    for (const round of [1, 2, 3]) {
      for (const kept of keepers) kept.aheadMs = DUE_MS * round
      await tokensOfAll()
      // Those who used the old one while another renewed it look again after a second.
      for (const kept of keepers) kept.aheadMs += 1_500
      assert.equal(new Set(await tokensOfAll()).size, 1)
    }
    assert.equal(await liveFamilies('shared'), 1)
    const [client] = clients
    const [key = ''] = (await client?.keys('lockgate:token:*')) ?? []
    assert.match((await client?.get(key)) ?? '', /^sealed1:/)

    await redis.stop()
    const [first] = keepers
    assert.ok(first !== undefined)
    first.aheadMs += DUE_MS
    assert.equal(await publishWith(server, 'shared', await first.keeper.getToken()), 200)
    assert.ok(first.warnings.some(({ code }) => code === 'cache_unavailable'))
    assert.equal(fetchesOfAll(), 1)
  } finally {
    await redis.stop()
  }
})

test('a regenerated secret ends the family; the keeper finds the one that is valid', async () => {
  let vault = ['not-active-yet-0123456789abcdef', SECRET]
  const kept = keep('regenerate', { fetchSecrets: () => Promise.resolve(vault), agent: 'orders' })
  const first = await kept.keeper.getToken()
  assert.deepEqual(kept.warnings, [{ code: 'older_secret_used', index: 1 }])
  const regenerated = valueOrThrow(
    await admin.call('apps.regenerate-secret', { parameters: { appId: 'regenerate' }, body: {} }),
  )
  assert.ok(regenerated.value !== undefined)
  vault = [SECRET, regenerated.value]
  kept.keeper.discard(first)
  const second = await kept.keeper.getToken()
  assert.equal(await publishWith(server, 'regenerate', second), 200)
  assert.deepEqual(kept.warnings.slice(1), [
    { code: 'family_ended' },
    { code: 'older_secret_used', index: 1 },
  ])
  assert.equal(kept.fetchCount, 2)
  const stale = keep('regenerate')
  await assert.rejects(stale.keeper.getToken(), { name: 'TokenError', code: 'invalid_client' })
})

test('a rotation by the SDK keeps the service running and names who is late', async () => {
  let vault = [SECRET]
  const fetchSecrets = () => Promise.resolve(vault)
  const kept = keep('rotate', { fetchSecrets, agent: 'billing' })
  await kept.keeper.getToken()
  const credentialId = await clientSecretOf('rotate')
  const outcome = await admin.rotate({
    credentialId,
    overlapSeconds: 3_600,
    reason: 'quarterly',
    deploy: (value) => {
      vault = [value, ...vault]
    },
  })
  assert.equal(outcome.isOldDisabled, false)
  assert.match(outcome.blockers.join('\n'), /lockgate-server-sdk billing/)
  const late = keep('rotate', { fetchSecrets })
  await late.keeper.getToken()
  assert.deepEqual(late.warnings, [], 'the new value works')
  kept.keeper.discard(await kept.keeper.getToken())
  await kept.keeper.getToken()
  assert.deepEqual(kept.warnings, [], 'and what began with the old one goes on')
  const failing = admin.rotate({
    credentialId: await clientSecretOf('heap'),
    deploy: () => Promise.reject(new Error('vault is sealed')),
  })
  await assert.rejects(failing, { message: 'vault is sealed' })
  const states = valueOrThrow(
    await admin.call('credentials.get', {
      parameters: { credentialId: await clientSecretOf('heap') },
    }),
  ).versions.map(({ state }) => state)
  assert.deepEqual(states.toSorted(), ['current', 'discarded'])
})

test('a resource server verifies the tokens, over a change of the signing key', async () => {
  const issuer = `https://tokens.example/${TENANT_ID}`
  let aheadMs = 0
  const verifier = new AccessTokenVerifier({
    issuer,
    jwksUrl: `${server.http}/${TENANT_ID}/.well-known/jwks`,
    system: { ...SYSTEM, now: () => SYSTEM.now() + aheadMs },
  })
  const kept = keep('verify')
  const token = await kept.keeper.getToken()
  const verified = await verifier.verify(token)
  assert.ok(verified.ok, JSON.stringify(verified))
  assert.deepEqual(
    [verified.value.sub, verified.value.appId, verified.value.tenantid],
    ['client-verify', 'verify', TENANT_ID],
  )
  const other = new AccessTokenVerifier({
    issuer: `https://tokens.example/11111111-2d9e-4c3e-a1f1-3b2c99e6b111`,
    jwksUrl: `${server.http}/${TENANT_ID}/.well-known/jwks`,
  })
  assert.deepEqual(await other.verify(token), { ok: false, refusal: 'token_invalid' })
  const reason = 'the key was in a backup'
  valueOrThrow(
    await admin.call('signing-keys.revoke', {
      parameters: { tenantId: TENANT_ID },
      body: { reason },
    }),
  )
  aheadMs = 301_000 // the published keys are asked for again
  const gone = await verifier.verify(token)
  assert.deepEqual(gone.ok ? 'accepted' : gone.refusal, 'token_invalid')
  kept.keeper.discard(token)
  const next = await kept.keeper.getToken()
  aheadMs += 36_000
  assert.equal((await verifier.verify(next)).ok, true)
})
