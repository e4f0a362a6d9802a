/** What npm would publish of the server SDK runs where there is no TypeScript and no `node:`. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { createContext, runInContext } from 'node:vm'
import type { channelAuthorizationEndpoint } from '../../packages/server-sdk/src/authorization-endpoint.ts'
import type { EncryptedChannels } from '../../packages/server-sdk/src/encrypted-channels.ts'
import type { TokenKeeper } from '../../packages/server-sdk/src/token-keeper.ts'
import type { WebhookVerifier } from '../../packages/server-sdk/src/webhook-verifier.ts'
import { ENCRYPTION_KEY } from '../support/clients.ts'
import { packedSdk } from '../support/packed-sdk.ts'
import { repositoryRoot } from '../support/server.ts'
import { publicTextOf, standardWebhook } from '../support/signed-webhooks.ts'
import { test } from '../support/test.ts'

const ROOT = repositoryRoot()
const BUN = join(ROOT, 'node_modules/bun/bin/bun.exe')
/** The one module that reads a file, for Node and Bun. */
const WITH_FILES = './operator-key-file'

interface Sdk {
  readonly TokenKeeper: typeof TokenKeeper
  readonly channelAuthorizationEndpoint: typeof channelAuthorizationEndpoint
  readonly WebhookVerifier: typeof WebhookVerifier
  readonly EncryptedChannels: typeof EncryptedChannels
}

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
}

const home = mkdtempSync(join(tmpdir(), 'lockgate-sdk-'))
const SDK = join(home, 'node_modules/@lockgate/server-sdk')
let manifest: Manifest
let files: readonly string[]

before(() => {
  files = packedSdk(home)
  manifest = JSON.parse(readFileSync(join(SDK, 'package.json'), 'utf8')) as Manifest
})
after(() => rmSync(home, { recursive: true, force: true }))

const modules = () => Object.keys(manifest.exports)
const nameOf = (path: string) => path.replace('.', '@lockgate/server-sdk')

test('the packed server SDK is JavaScript with declarations, and nothing else', () => {
  const others = files.filter((file) => !/^package\/dist\/.*\.(?:js|d\.ts)$/.test(file))
  assert.deepEqual(others.toSorted(), [
    ...(others.includes('package/README.md') ? ['package/README.md'] : []),
    'package/package.json',
  ])
  for (const { types, default: code } of Object.values(manifest.exports)) {
    for (const path of [types, code]) assert.ok(files.includes(path.replace('.', 'package')), path)
  }
})

test('Node imports every module of the packed server SDK', () => {
  const script = `for (const name of ${JSON.stringify(modules().map(nameOf))}) {
    const module = await import(name)
    const isTypesOnly = /(?:token-cache|endpoint-options)$/.test(name)
    if ((Object.keys(module).length === 0) !== isTypesOnly) throw new Error(name + ' gives nothing')
  }
  const { authorizeChannel } = await import('@lockgate/server-sdk/channel-authorization')
  const request = { socketId: '1234.1234', channelName: 'private-foobar' }
  console.log((await authorizeChannel({ appKey: 'k', secret: '7ad3773142a6692b25b8' }, request)).auth)`
  writeFileSync(join(home, 'import.mjs'), script)
  for (const program of [process.execPath, BUN]) {
    const { status, stdout, stderr } = spawnSync(program, ['import.mjs'], {
      cwd: home,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    assert.match(stdout, /^k:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4$/m)
  }
})

test('an edge runtime gets no import of node: from any module but the one that reads a file', () => {
  for (const path of modules()) {
    writeFileSync(join(home, 'edge.mjs'), `export * from '${nameOf(path)}'\n`)
    const { status, stdout, stderr } = spawnSync(
      BUN,
      ['build', '--target=browser', '--packages=bundle', '--external=node:*', 'edge.mjs'],
      { cwd: home, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    )
    assert.equal(status, 0, stderr)
    const isEdge = !/["']node:[a-z/]+["']|\brequire\s*\(|\bprocess\.\w|\bBuffer\.\w/.test(stdout)
    assert.equal(isEdge, path !== WITH_FILES, path)
  }
})

test('with the Web interfaces alone a token is kept, a channel signed, a webhook verified', async () => {
  const names = [
    ...['token-keeper', 'channel-authorization', 'authorization-endpoint', 'access-token'],
    ...['webhook-verifier', 'webhook-handler', 'encrypted-channels', 'publisher', 'lockgate'],
  ]
  const lines = names.map((name) => `export * from '@lockgate/server-sdk/${name}'`)
  writeFileSync(join(home, 'bare.mjs'), lines.join('\n'))
  writeFileSync(join(home, 'bare-entry.mjs'), `import * as sdk from './bare.mjs'\nresult = sdk\n`)
  const { status, stdout, stderr } = spawnSync(
    BUN,
    ['build', '--target=browser', '--format=iife', '--packages=bundle', 'bare-entry.mjs'],
    { cwd: home, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  )
  assert.equal(status, 0, stderr)
  const tokens = { access_token: 'at', refresh_token: 'rt', token_type: 'Bearer', expires_in: 900 }
  const fetch = () => Promise.resolve(Response.json(tokens))
  const web = { AbortController, AbortSignal, Headers, Request, Response, URL, URLSearchParams }
  const more = { TextDecoder, TextEncoder, ReadableStream, atob, btoa, crypto, setTimeout, fetch }
  // A context has the language and what it is given: neither process, Buffer nor require.
  const context = createContext({ ...web, ...more, result: undefined })
  runInContext(stdout, context)
  const sdk = context['result'] as Sdk
  const { TokenKeeper, channelAuthorizationEndpoint, WebhookVerifier } = sdk
  const keeper = new TokenKeeper({
    tokenUrl: 'https://lockgate.example/token',
    clientId: 'c',
    fetchSecrets: () => Promise.resolve('secret'),
    cacheKeysBase64: [btoa('k'.repeat(32))],
  })
  assert.equal(await keeper.getToken(), 'at')
  const endpoint = channelAuthorizationEndpoint({
    keys: { appKey: 'k', secret: '7ad3773142a6692b25b8' },
    authenticate: () => ({ id: 'ada' }),
    authorize: () => ({ allow: true }),
  })
  const answer = await endpoint(
    new Request('https://app.example/auth', {
      method: 'POST',
      body: new URLSearchParams({ socket_id: '1234.1234', channel_name: 'private-foobar' }),
    }),
  )
  assert.deepEqual(await answer.json(), {
    auth: 'k:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
  })
  const encrypted = new sdk.EncryptedChannels({ masterKeyBase64: ENCRYPTION_KEY })
  const channel = 'private-encrypted-bla'
  const secret1I = 'nlr49ISQHz91yS3cy/yWmW8wFMNeTnNL5tNHnbPJcLQ='
  assert.equal(await encrypted.sharedSecret(channel), secret1I)
  const sealed = await encrypted.encrypt(channel, 'ä')
  assert.equal((await encrypted.decrypt(channel, sealed))?.data, 'ä')
  const { privateKey } = generateKeyPairSync('ed25519')
  const secret = `whsec_${Buffer.alloc(32).toString('base64')}`
  const verifier = new WebhookVerifier({ keys: [secret, publicTextOf(privateKey)] })
  const body = JSON.stringify({ type: 't', timestamp: new Date().toISOString(), data: {} })
  for (const key of [secret, privateKey]) {
    const signed = standardWebhook({ id: typeof key, atMs: Date.now(), body, keys: [key] })
    assert.throws(() => verifier.webhook(signed).isValid(), /await webhook\.verify\(\)/)
    assert.equal((await verifier.webhook(signed).verify()).ok, true)
    const bytes = { ...signed, rawBody: Buffer.from(`${body} `) }
    assert.equal((await verifier.webhook(bytes).verify()).ok, false)
  }
})

test('TypeScript of another project accepts the declarations, with its strictest settings', () => {
  const lines = modules().map((path, index) => `export * as m${index} from '${nameOf(path)}'`)
  writeFileSync(join(home, 'use.ts'), `${lines.join('\n')}\n`)
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
      ...['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2024,dom,dom.iterable'],
      ...['--types', '', 'use.ts'],
    ],
    { cwd: home, encoding: 'utf8' },
  )
  assert.equal(status, 0, stdout)
})
