/** Health, metrics, draining and surviving a power cut. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { library, subscribed } from '../support/clients.ts'
import { publish, send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { nextEvent, until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('ops')
const DRAIN_MS = 2_000
const SOCKET_COUNT = 40

const it = serving({ apps: [APP], config: { pathPrefix: '/realtime' } })

/** The status of a GET, undefined when nothing answers any more. */
async function statusOf(base: string, target: string): Promise<number | undefined> {
  try {
    return (await send(base, { method: 'GET', target })).status
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined // refused or reset
    throw error
  }
}

test('health and metrics are served on the ops listener and only there', async () => {
  for (const target of ['/live', '/ready', '/metrics']) {
    assert.equal(await statusOf(it.server.ops, target), 200, target)
    assert.equal(await statusOf(it.server.http, target), 404, target)
    assert.equal(await statusOf(it.server.http, `/realtime${target}`), 404, target)
  }
  assert.equal(await statusOf(it.server.ops, '/elsewhere'), 404)
  assert.equal(await statusOf(it.server.ops, `/apps/${APP.id}/channels`), 404)
})

test('metrics are Prometheus text that counts connections and refusals', async () => {
  const answer = await send(it.server.ops, { method: 'GET', target: '/metrics' })
  assert.match(String(answer.headers['content-type']), /^text\/plain/)
  for (const line of answer.body.split('\n')) {
    assert.match(line, /^$|^#|^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eENaInf]+$/, line)
  }
  assert.ok(!answer.body.includes(APP.secret) && !answer.body.includes(APP.key))
})

test('with a path prefix pusher-js connects below it and nothing is served above it', async () => {
  const client = await it.clients.connected(APP, { options: { wsPath: '/realtime' } })
  assert.match(client.connection.socket_id, /^\d+\.\d+$/)
  client.disconnect()
  const above = new Wire(it.server.socketUrl(APP.key))
  const { code } = await above.closure()
  assert.equal(code, 4005)
})

/** Watches `/ready` of a server until it stops answering. */
async function readinessStory(server: LiveServer): Promise<Set<number>> {
  const seen = new Set<number>()
  await until(
    'the ops listener is gone or the server is',
    async () => {
      const status = await statusOf(server.ops, '/ready')
      if (status !== undefined) seen.add(status)
      return status === undefined || server.exit !== undefined
    },
    30_000,
  )
  return seen
}

test('SIGTERM turns readiness off, refuses newcomers, spreads the closes with 4200, exits 0', async () => {
  const server = await startServer({ apps: [APP], config: { drainMs: DRAIN_MS } })
  try {
    const wires = await Promise.all(
      Array.from({ length: SOCKET_COUNT }, () => Wire.open(server, APP)),
    )
    const endings: number[] = []
    for (const wire of wires) wire.socket.on('close', () => endings.push(performance.now()))
    const story = readinessStory(server)
    server.signal('SIGTERM')
    await until('readiness is off', async () => (await statusOf(server.ops, '/ready')) === 503)
    const late = new Wire(server.socketUrl(APP.key))
    await late.closure()
    assert.equal(late.frames[0]?.event === 'pusher:connection_established', false, 'no newcomer')
    const codes = await Promise.all(wires.map((wire) => wire.closure()))
    assert.deepEqual([...new Set(codes.map(({ code }) => code))], [4200])
    await until('all closes are noted', () => endings.length === SOCKET_COUNT)
    const spread = Math.max(...endings) - Math.min(...endings)
    assert.ok(spread > DRAIN_MS / 4, `closed within ${Math.round(spread)} ms of each other`)
    await server.exited()
    assert.ok((await story).has(503))
  } finally {
    if (server.exit === undefined) await server.stop()
  }
})

test('pusher-js that is drained away finds the next server by itself', async () => {
  const first = await startServer({ apps: [APP] })
  const { port } = first
  const client = it.clients.pusher(APP, { options: { wsPort: port } })
  await until('connected', () => client.connection.state === 'connected')
  await subscribed(client, 'survivor')
  await first.stop()
  const second = await startServer({
    apps: [APP],
    config: { listen: { http: `127.0.0.1:${port}`, ops: '127.0.0.1:0', mqtt: '127.0.0.1:0' } },
  })
  try {
    const channel = client.channel('survivor')
    await until('connected and subscribed again', () => channel.subscribed, 60_000)
    const heard = nextEvent<unknown>(channel, 'e')
    await publish(second, APP, { channel: 'survivor', name: 'e', data: '{"a":1}' })
    assert.deepEqual(await heard, { a: 1 })
  } finally {
    client.disconnect()
    await second.stop()
  }
})

test('apps declared once survive kill -9 and a restart without the declaration', async () => {
  const dataDir = join(mkdtempSync(join(tmpdir(), 'lockgate-test-')), 'data')
  try {
    const first = await startServer({ apps: [APP], dataDir })
    await first.killHard()
    const second = await startServer({ dataDir })
    try {
      const wire = await Wire.open(second, APP)
      await wire.join(APP, 'private-kept')
      await library(second, APP).trigger('private-kept', 'e', 'x')
      await wire.next('e')
      await wire.close()
    } finally {
      await second.stop()
    }
    const third = await startServer({ apps: [APP], dataDir })
    await third.stop()
  } finally {
    rmSync(join(dataDir, '..'), { recursive: true, force: true })
  }
})

test('no secret is ever logged', () => {
  assert.ok(it.server.logLines().length > 0)
  assert.ok(!`${it.server.stderr}${it.server.stdout}`.includes(APP.secret))
})
