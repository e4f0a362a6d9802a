/** The snippets of the server SDK's README, run as a reader would in a project of their own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { freePort } from '../support/free-port.ts'
import { addPackage, packedSdk } from '../support/packed-sdk.ts'
import { startRedis } from '../support/redis.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { standardWebhook } from '../support/signed-webhooks.ts'
import { channelAuth } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'

const README = readFileSync(join(repositoryRoot(), 'packages/server-sdk/README.md'), 'utf8')
const CLIENT = { clientId: 'readme-client', clientSecret: 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGa' }
const MINTING_KEY = generateKey('sk', systemRandom).value
const APP = app('readme', { ...CLIENT, apiKeys: [{ value: MINTING_KEY }] })
const TENANT_ID = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
const MASTER_KEY = Buffer.alloc(32, 6).toString('base64')
const PREVIOUS_KEY = Buffer.alloc(32, 7).toString('base64')

const home = mkdtempSync(join(tmpdir(), 'lockgate-sdk-readme-'))
const dataDir = join(home, 'data')
let server: LiveServer

before(async () => {
  packedSdk(home)
  addPackage(home, '@redis/client')
  addPackage(home, 'express')
  writeFileSync(join(home, 'secret'), `${CLIENT.clientSecret}\n`)
  writeFileSync(join(home, 'cache-key'), Buffer.alloc(32, 9).toString('base64'))
  const port = await freePort()
  const listen = {
    http: `127.0.0.1:${port}`,
    https: '127.0.0.1:0',
    mqtt: '127.0.0.1:0',
    ops: '127.0.0.1:0',
  }
  const config = { listen, publicUrl: `http://127.0.0.1:${port}` }
  server = await startServer({ apps: [APP], dataDir, config })
})
after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

interface Ran {
  readonly child: ChildProcess
  readonly output: () => string
}

/** Starts the one snippet that contains `mark`, with what is a placeholder put in. */
function startSnippet(mark: string, more: Readonly<Record<string, string>> = {}): Ran {
  const blocks = Array.from(README.matchAll(/^```js\n([\s\S]*?)^```/gm), ([, text = '']) => text)
  const found = blocks.filter((text) => text.includes(mark))
  assert.equal(found.length, 1, `one snippet has ${mark}`)
  const values: Readonly<Record<string, string>> = {
    'https://realtime.example.com': server.http,
    WEBHOOK_SECRET,
    MASTER_KEY,
    PREVIOUS_KEY,
    '2030-01-31T12:00:00Z': new Date(Date.now() + 3_600_000).toISOString(),
    CLIENT_ID: CLIENT.clientId,
    APP_ID: APP.id,
    APP_KEY: APP.key,
    APP_SECRET: APP.secret,
    TENANT_ID,
    '/run/secrets/lockgate': join(home, 'secret'),
    '/run/secrets/cache-key': join(home, 'cache-key'),
    '/var/lib/lockgate': dataDir,
    ...more,
  }
  let text = found[0] ?? ''
  for (const [placeholder, value] of Object.entries(values)) {
    text = text.replaceAll(placeholder, value)
  }
  const file = join(home, `snippet-${mark.replaceAll(/\W/g, '')}.mjs`)
  writeFileSync(file, text)
  const child = spawn(process.execPath, [file], { cwd: home })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => (output += part))
  }
  return { child, output: () => output }
}

/** Runs a snippet to its end. */
async function run(mark: string, more?: Readonly<Record<string, string>>): Promise<string> {
  const { child, output } = startSnippet(mark, more)
  try {
    await until(`the snippet with ${mark} ends`, () => child.exitCode !== null, 60_000)
    assert.equal(child.exitCode, 0, output())
    return output()
  } finally {
    child.kill('SIGKILL')
  }
}

test('README: a token without a stored secret publishes', async () => {
  assert.equal(await run("agent: 'orders'"), '200\n')
})

test('README: a token for a page is minted', async () => {
  const more = { ORGANIZATION_ID: TENANT_ID, SECRET_KEY: MINTING_KEY }
  assert.match(await run('createTokenGenerator(', more), /^[a-z0-9]+@org_k7xm4pqr2n5t 900\n$/)
})

test('README: one object publishes, alone and in a batch', async () => {
  assert.equal(await run('webhookSecrets:'), 'published\n')
})

test('README: until the switch an encrypted channel has the secret of the previous key', async () => {
  const digest = createHash('sha256').update('private-encrypted-orders')
  const wanted = digest.update(Buffer.from(PREVIOUS_KEY, 'base64')).digest('base64')
  assert.equal(await run('new EncryptedChannels('), `${wanted}\n`)
})

test('README: instances share a Redis', async () => {
  const redis = await startRedis()
  try {
    const more = { "{ url: 'redis://127.0.0.1:6379' }": `{ socket: { path: '${redis.path}' } }` }
    assert.equal(await run('RedisCache(', more), 'true\n')
    const client = await redis.connect()
    assert.equal((await client.keys('lockgate:token:*')).length, 1)
  } finally {
    await redis.stop()
  }
})

test('README: the endpoint grants what its policy allows, and nothing else', async () => {
  const port = await freePort()
  const { child, output } = startSnippet('channelAuthorizationEndpoint(', { 3000: String(port) })
  try {
    const ask = async (channelName: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}/pusher/auth`, {
        method: 'POST',
        headers: { authorization: 'Bearer session-of-ada', origin: 'https://app.example.com' },
        body: new URLSearchParams({ socket_id: '1.2', channel_name: channelName }),
      })
      return answer.json()
    }
    const granted = await until('the endpoint answers', () =>
      ask('private-red').catch((error: Error) => {
        assert.match(JSON.stringify(error.cause), /ECONNREFUSED/) // it is not there yet
        return undefined
      }),
    )
    assert.deepEqual(granted, { auth: channelAuth(APP, '1.2', 'private-red') })
    assert.deepEqual(await ask('private-blue'), { error: 'denied' })
    await until('both decisions are told', () => output().includes('private-blue'))
    assert.equal(output(), 'granted granted ada private-red\nrefused denied ada private-blue\n')
  } finally {
    child.kill('SIGKILL')
  }
})

test('README: a signature by hand is that of the protocol', async () => {
  const wanted = channelAuth(APP, '1234.5678', 'private-orders')
  assert.equal(await run('await authorizeChannel('), `${wanted}\n`)
})

for (const mark of ['express.raw(', 'webhookHandler(']) {
  test(`README: the receiver with ${mark}) takes a genuine webhook and no forged one`, async () => {
    const port = await freePort()
    const { child, output } = startSnippet(mark, { 3000: String(port) })
    try {
      const data = { channel: 'news' }
      const timestamp = new Date().toISOString()
      const body = JSON.stringify({ type: 'channel.occupied', timestamp, data })
      const sent = standardWebhook({ atMs: Date.now(), body, keys: [WEBHOOK_SECRET] })
      const post = async (rawBody: string) => {
        const init = { method: 'POST', body: rawBody, headers: sent.headers }
        return (await fetch(`http://127.0.0.1:${port}/webhooks`, init)).status
      }
      const refused = await until('the receiver answers', () =>
        post(`${body} `).catch((error: Error) => {
          assert.match(JSON.stringify(error.cause), /ECONNREFUSED/) // it is not there yet
          return undefined
        }),
      )
      assert.equal(refused, 401)
      assert.equal(await post(body), 204)
      await until('the event is printed', () => output().includes('msg_1 channel.occupied'))
      assert.match(output(), /signature_invalid/)
    } finally {
      child.kill('SIGKILL')
    }
  })
}

test('README: a service verifies a token', async () => {
  const { access } = await buyTokens(server, CLIENT)
  assert.equal(await run('AccessTokenVerifier(', { ACCESS_TOKEN: access }), `${APP.id}\n`)
})

test('README: a credential is rotated from beginning to end', async () => {
  const output = await run('createLockgateAdmin(')
  assert.match(output, /^to the vault: \d+ characters\n(?:true \[\]|false \[)/)
})

test('README: every module of the table is one that is published, and the other way round', () => {
  const manifest = readFileSync(
    join(home, 'node_modules/@lockgate/server-sdk/package.json'),
    'utf8',
  )
  const { exports } = JSON.parse(manifest) as { exports: Record<string, unknown> }
  const [, table = ''] = /\| Module \|([\s\S]*?)\n\n/.exec(README) ?? []
  const named = Array.from(table.matchAll(/`([a-z-]+)`/g), ([, name]) => `./${name}`)
  const isPackage = (name: string) => ['./pusher'].includes(name)
  assert.deepEqual(
    named.filter((name) => !isPackage(name)).toSorted(),
    Object.keys(exports).toSorted(),
  )
})
