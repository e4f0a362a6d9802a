/** The first start on an empty machine: private files, credentials shown once, a page. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { library } from '../support/clients.ts'
import { lockgate } from '../support/command.ts'
import { type Newcomer, newcomer, printedApp } from '../support/first-start.ts'
import { send } from '../support/http.ts'
import { connect } from '../support/mqtt-clients.ts'
import type { AppConfig, LiveServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const place = newcomer()
after(() => place.leave())

/** Runs `work` on a server started from nothing but the environment. @returns it, stopped. */
async function started(
  work: (server: LiveServer) => Promise<void>,
  where: Newcomer = place,
): Promise<LiveServer> {
  const server = await where.start()
  try {
    await work(server)
  } finally {
    await server.stop()
  }
  return server
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}

async function works(server: LiveServer, demo: AppConfig): Promise<void> {
  const wire = await Wire.open(server, demo)
  await wire.join(demo, 'private-first')
  await library(server, demo).trigger('private-first', 'e', { hello: 'world' })
  assert.equal((await wire.next('e')).data, '{"hello":"world"}')
  await wire.close()
}

let demo: AppConfig | undefined
let masterKey: Buffer | undefined

test('the first start makes private files and prints credentials that work', async () => {
  await started(async (server) => {
    assert.equal(modeOf(place.dataDir), '700')
    assert.equal(modeOf(`${place.dataDir}/master.key`), '600')
    masterKey = readFileSync(`${place.dataDir}/master.key`)
    demo = await printedApp(server)
    assert.ok(demo.secret.length >= 16)
    assert.ok(server.stdout.includes(`Open ${server.http} in`), 'the URL of the page is printed')
    assert.ok(!server.stderr.includes(demo.secret), 'no secret in the log')
    await works(server, demo)
  })
})

test('the second start prints no secret again and accepts the same credentials', async () => {
  const { secret } = demo ?? {}
  assert.ok(secret, 'the first start came before')
  const stopped = await started(async (server) => {
    assert.deepEqual(readFileSync(`${place.dataDir}/master.key`), masterKey)
    assert.ok(demo)
    await works(server, demo)
  })
  assert.ok(stopped.stdout.includes(`${stopped.http}/examples`), 'the pages are named again')
  assert.ok(!`${stopped.stdout}${stopped.stderr}`.includes(secret))
})

test('two first starts give different credentials', async () => {
  const other = newcomer()
  try {
    await started(async (server) => {
      const theirs = await printedApp(server)
      assert.notEqual(theirs.secret, demo?.secret)
      assert.notEqual(theirs.key, demo?.key)
    }, other)
  } finally {
    other.leave()
  }
})

test('the command that is printed makes a user who connects over MQTT by the name beside it', async () => {
  const other = newcomer()
  try {
    await started(async (server) => {
      const { id } = await printedApp(server)
      const command = await until(
        'the whole banner',
        () => /^ *npx lockgate (.+)\n\n$/m.exec(server.stdout)?.[1],
      )
      assert.match(command, new RegExp(`^secrets create ${id} `))
      const [username = ''] = /\S+@\S+(?=,)/.exec(server.stdout) ?? []
      const environment = { LOCKGATE_URL: server.http, LOCKGATE_DATA_DIR: other.dataDir }
      const ended = await lockgate(command.split(' '), { environment })
      assert.equal(ended.code, 0, ended.stderr)
      const device = await connect(server.mqtt, { username, password: ended.stdout.trim() })
      await device.end()
    }, other)
  } finally {
    other.leave()
  }
})

test('a first start that cannot listen says what to change, and still shows the secret', async () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-taken-'))
  const taken = createServer()
  try {
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const at = taken.address()
    const address = `127.0.0.1:${typeof at === 'object' ? at?.port : ''}`
    const environment = {
      LOCKGATE_DATA_DIR: join(home, 'data'),
      LOCKGATE_LISTEN_HTTP: '127.0.0.1:0',
      LOCKGATE_LISTEN_OPS: '127.0.0.1:0',
      LOCKGATE_LISTEN_MQTT: address,
    }
    const { code, stdout, stderr } = await lockgate(['serve'], { environment })
    assert.equal(code, 1)
    assert.match(
      stderr,
      new RegExp(`^lockgate: ${address} cannot be bound .*listen\\.mqtt; .*none`),
    )
    assert.match(stdout, /^ {4}secret {2}\S{43}$/m)
    assert.doesNotMatch(stdout, /is running/)
  } finally {
    taken.close()
    rmSync(home, { recursive: true, force: true })
  }
})

test('the page is HTML without inline code under a strict policy, all from this server', async () => {
  await started(async (server) => {
    const headers = { accept: 'text/html' }
    const page = await send(server.http, { method: 'GET', target: '/', headers })
    assert.equal(page.status, 200)
    assert.match(String(page.headers['content-type']), /^text\/html/)
    const policy = String(page.headers['content-security-policy'])
    assert.match(policy, /default-src 'none'|default-src 'self'/)
    assert.ok(!/unsafe|\*|https?:|data:/.test(policy), policy)
    assert.ok(!/<style/i.test(page.body), 'no inline style sheet')
    assert.ok(!/<[^>]+\s(style|on\w+)\s*=/i.test(page.body), 'no inline style or handler')
    assert.ok(!/javascript:/i.test(page.body))
    for (const [tag] of page.body.matchAll(/<script[^>]*>[^<]*/gi)) {
      assert.match(tag, /^<script[^>]*\ssrc="[^"]+"[^>]*>\s*$/i, 'scripts come from files')
    }
    const sources = [...page.body.matchAll(/<(?:script|link)[^>]*\s(?:src|href)="([^"]+)"/gi)]
    assert.ok(sources.length > 0)
    for (const [, source = ''] of sources) {
      assert.ok(/^\/[^/]/.test(source), `${source} is local`)
      const asset = await send(server.http, { method: 'GET', target: source })
      assert.equal(asset.status, 200, source)
    }
    assert.ok(!page.body.includes(demo?.secret ?? 'x'))
  })
})

test('a program that asks for no HTML gets JSON at the same address', async () => {
  await started(async (server) => {
    const headers = { accept: 'application/json' }
    const answer = await send(server.http, { method: 'GET', target: '/', headers })
    assert.equal(answer.status, 200)
    assert.equal(typeof JSON.parse(answer.body), 'object')
  })
})
