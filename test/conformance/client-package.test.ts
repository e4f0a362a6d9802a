/** What npm would publish of the client SDK: small, plain JavaScript, and right for who uses it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { gzipSync } from 'node:zlib'
import { loginOf, mintingApp } from '../support/client-world.ts'
import { addPackage, packedSdk } from '../support/packed-sdk.ts'
import { type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'

const ROOT = repositoryRoot()
const BUN = join(ROOT, 'node_modules/bun/bin/bun.exe')
/** What is promised beside MQTT.js and React. */
const BUNDLE_BYTES_MAX = 25 * 1024

const home = mkdtempSync(join(tmpdir(), 'lockgate-client-'))
let files: readonly string[]
let server: LiveServer

before(async () => {
  files = packedSdk(home, 'client')
  for (const name of ['react', '@types/react', 'csstype']) addPackage(home, name)
  server = await startServer({ apps: [mintingApp('packed')] })
})
after(async () => {
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

function ran(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: home,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  assert.equal(status, 0, stderr + stdout)
  return stdout
}

test('the packed client is JavaScript with declarations, and nothing else', () => {
  const others = files.filter(
    (file) => !/^package\/dist\/client\/src\/[\w-]+\.(?:js|d\.ts)$/.test(file),
  )
  assert.deepEqual(others.toSorted(), ['package/README.md', 'package/package.json'])
})

test('bundled for a browser, its own part is small, and asks for nothing of Node', () => {
  for (const name of ['@lockgate/client', '@lockgate/client/react']) {
    writeFileSync(join(home, 'entry.mjs'), `export * from '${name}'\n`)
    const external = ['--external=mqtt', '--external=react']
    const args = ['build', '--target=browser', '--minify', ...external, 'entry.mjs']
    const bundle = ran(BUN, args)
    assert.match(bundle, /connectWithToken/)
    const byteCount = gzipSync(bundle, { level: 9 }).length
    assert.ok(byteCount <= BUNDLE_BYTES_MAX, `${name}: ${byteCount} bytes`)
    assert.doesNotMatch(bundle, /["']node:|\brequire\s*\(|\bprocess\.\w|\bBuffer\.\w|\bconsole\./)
  }
})

test('Node and Bun connect with it, by the default export and by name', () => {
  writeFileSync(
    join(home, 'use.mjs'),
    `import CloudSignal, { ClientError, CloudSignal as Named } from '@lockgate/client'
    if (CloudSignal !== Named || !(new ClientError('destroyed') instanceof Error)) throw new Error()
    const client = new CloudSignal(${JSON.stringify({ host: server.mqtt })})
    await client.connectWithToken(${JSON.stringify({ ...loginOf(), tokenServiceUrl: server.http })})
    const heard = new Promise((resolve) => client.onMessage((topic, text) => resolve(text)))
    await client.subscribe('packed')
    await client.publish('packed', { it: 'works' })
    console.log(await heard)
    client.destroy()`,
  )
  for (const program of [process.execPath, BUN]) {
    assert.equal(ran(program, ['use.mjs']), '{"it":"works"}\n')
  }
})

test('the commands of its page work, up to the address of the server', () => {
  const page = readFileSync(join(ROOT, 'packages/client/README.md'), 'utf8')
  const [, snippet = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  const mint = JSON.stringify(tokenBody())
  const program = snippet
    .replace('wss://realtime.example.com/mqtt', `${server.http.replace(/^http/, 'ws')}/mqtt`)
    .replace("'https://app.example.com/api/mqtt-token', { method: 'POST' }", () => {
      const init = `{ method: 'POST', headers: { 'content-type': 'application/json' }, body: '${mint}' }`
      return `'${server.http}/v2/tokens/create', ${init}`
    })
  // Node 20 has no WebSocket of its own; MQTT.js brings one.
  writeFileSync(join(home, 'page.mjs'), `${program}\nsetTimeout(() => client.destroy(), 200)\n`)
  assert.equal(ran(process.execPath, ['page.mjs']), "rooms/1/chat { text: 'hello' }\n")
})

function tokenBody() {
  const { organizationId, secretKey, userEmail } = loginOf()
  return { organization_id: organizationId, secret_key: secretKey, user_email: userEmail }
}

test('TypeScript of another project accepts the declarations, with its strictest settings', () => {
  writeFileSync(
    join(home, 'use.ts'),
    `import CloudSignal from '@lockgate/client'
    import { useLockgate, useSubscription } from '@lockgate/client/react'
    export const client: CloudSignal = new CloudSignal({ preset: 'desktop', host: 'wss://x' })
    client.onAuthError = (error) => error.reasonCode
    export const held = client.subscribe('a', (message) => message.json(), { qos: 1 })
    export const hooks = [useLockgate, useSubscription] as const\n`,
  )
  ran(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
    ...['--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'],
    ...['--lib', 'es2024,dom,dom.iterable', '--types', '', 'use.ts'],
  ])
})
