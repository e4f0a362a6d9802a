/** Events as they happen, over the administration of the started server. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { AdminProblem } from '../../packages/admin-api/src/problem.ts'
import { ownerKey } from '../support/administration.ts'
import { startCommand } from '../support/command.ts'
import { clientOf, follow, stopFollowing } from '../support/following.ts'
import { publish, send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until, within } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('watched')
const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

const home = mkdtempSync(join(tmpdir(), 'lockgate-events-'))
const dataDir = join(home, 'data')
let server: LiveServer
const start = () => startServer({ apps: [APP], dataDir })
before(async () => {
  server = await start()
})
after(async () => {
  await stopFollowing()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

const owner = () => clientOf(server.http, ownerKey(dataDir))

/** A call of the HTTP API whose signature does not hold. */
async function forgeCall(appId = APP.id, key = APP.key): Promise<void> {
  const query = `auth_key=${key}&auth_timestamp=1&auth_version=1.0&auth_signature=x`
  await send(server.http, { method: 'GET', target: `/apps/${appId}/channels?${query}` })
}

async function keyFor(role: 'auditor' | 'viewer', tenantId?: string) {
  const body = { name: role, role, ...(tenantId === undefined ? {} : { tenantId }) }
  const made = await owner().call('operators.create', { body })
  assert.ok(made.ok)
  return { id: made.value.credential.id, value: String(made.value.value) }
}

test('who watches sees connections come and go, and refused credentials, as they happen', async () => {
  const watching = await follow(owner())
  const wire = await Wire.open(server, APP)
  const opened = await watching.heard(
    'connection.opened',
    ({ type }) => type === 'connection.opened',
  )
  assert.deepEqual(opened.details, {
    connectionId: wire.socketId,
    protocol: 'pusher',
    ip: '127.0.0.1',
  })
  await forgeCall()
  const failed = await watching.heard('auth.failed', ({ type }) => type === 'auth.failed')
  assert.ok(failed.type !== 'gap')
  assert.deepEqual([failed.appId, failed.tenantId], [APP.id, TENANT])
  await wire.close()
  const closed = await watching.heard(
    'connection.closed',
    ({ type }) => type === 'connection.closed',
  )
  assert.equal((closed.details as { reason?: string }).reason, 'client')
  assert.equal(new Set(watching.events.map(({ id }) => id)).size, watching.events.length)
  await watching.stop()
})

test('filters narrow it: by type, by app, and what has to be named comes only then', async () => {
  const all = await follow(owner())
  const named = await follow(owner(), { types: 'message.published,auth.*', appId: APP.id })
  await until('the interest is there', async () => {
    await publish(server, APP, { channel: 'news', name: 'hello', data: 'a private word' })
    return named.events.some(({ type }) => type === 'message.published')
  })
  await forgeCall()
  await forgeCall('nobody', 'no-key')
  await all.heard('both failures', () => {
    return all.events.filter(({ type }) => type === 'auth.failed').length === 2
  })
  await named.heard('its own', ({ type }) => type === 'auth.failed')
  assert.ok(named.events.every((event) => event.type === 'gap' || event.appId === APP.id))
  assert.ok(!all.events.some(({ type }) => type === 'message.published'))
  assert.ok(!JSON.stringify(named.events).includes('a private word'))
  for (const each of [all, named]) await each.stop()
})

test('one who lost the connection goes on where it was, and a browser does so by its header', async () => {
  await forgeCall()
  const { items } = await recent('auth.failed', 1)
  await forgeCall()
  const fresh = await recent('auth.failed', 1)
  const resumed = await follow(owner(), { types: 'auth.failed', after: items[0]?.id ?? '' })
  await resumed.heard('what was missed', ({ id }) => id === fresh.items[0]?.id)
  assert.equal(resumed.events.length, 1)
  await resumed.stop()
  const text = await firstBytes('/events?types=auth.failed', {
    'last-event-id': items[0]?.id ?? '',
  })
  assert.match(text, /^retry: \d+\nevent: auth\.failed\nid: [0-9a-f]{16}-\d+\ndata: \{/)
})

test('after a restart the stream goes on by itself, and says that something may be missing', async () => {
  await forgeCall()
  const last = (await recent(undefined, 1)).items[0]?.id ?? ''
  await server.stop()
  server = await start()
  const watching = await follow(owner(), { after: last })
  const gap = await watching.heard('the gap', ({ type }) => type === 'gap')
  assert.deepEqual(gap.details, { reason: 'restarted', after: last })
  await forgeCall()
  const failed = await watching.heard('the failure', ({ type }) => type === 'auth.failed')
  assert.notEqual(failed.id.split('-')[0], last.split('-')[0])
  await watching.stop()
})

test('a key of one tenant sees that tenant, whatever it asks for; others need the permission', async () => {
  const own = await keyFor('auditor', TENANT)
  const watching = await follow(clientOf(server.http, own.value))
  await forgeCall('nobody', 'no-key')
  await forgeCall()
  await watching.heard('its own', ({ type }) => type === 'auth.failed')
  assert.ok(watching.events.every((event) => event.type !== 'gap' && event.tenantId === TENANT))
  await watching.stop()
  const foreign = { parameters: { tenantId: '00000000-0000-4000-8000-000000000000' } }
  const refused = await clientOf(server.http, own.value).call('events.list', foreign)
  assert.ok(!refused.ok && refused.problem.code === 'not_found')
  const viewer = await keyFor('viewer')
  const denied = await clientOf(server.http, viewer.value).call('events.list', {})
  assert.ok(!denied.ok && denied.problem.code === 'operation_denied')
})

test('a revoked key sees nothing more: its stream ends with the call that revokes', async (context) => {
  const key = await keyFor('auditor')
  const watching = await follow(clientOf(server.http, key.value))
  await until('it watches', async () => {
    await forgeCall()
    return watching.events.length > 0
  })
  const endedMs: number[] = []
  const raw = await rawStream(key.value, { onEnd: () => void endedMs.push(performance.now()) })
  const call = { parameters: { credentialId: key.id }, body: { reason: 'left' } }
  const startMs = performance.now()
  assert.ok((await owner().call('operators.revoke', call)).ok)
  await until('the stream ends', () => endedMs.length > 0)
  assert.match(raw.text, /event: end\ndata: \{"reason":"credential_revoked"\}\n\n$/)
  context.diagnostic(`ended ${Math.round((endedMs[0] ?? NaN) - startMs)} ms after the call began`)
  const ended = await until('the client gives up', () => watching.ended())
  assert.ok(ended instanceof AdminProblem && ended.status === 401)
})

test('one who does not read holds nothing up, and is told of what it missed once it does', async () => {
  const lazy = await rawStream(ownerKey(dataDir), { target: '/events?types=auth.failed' })
  lazy.response.pause()
  const eager = await follow(owner(), { types: 'auth.failed' })
  const last = (await recent('auth.failed', 1)).items[0]?.id ?? ''
  // More than the journal keeps of one tenant and kind; sockets hold some of it as well.
  for (let round = 0; round < 60; round++) {
    await Promise.all(Array.from({ length: 50 }, () => forgeCall()))
  }
  await eager.heard('the newest', ({ id }) => numberOf(id) >= numberOf(last) + 3_000)
  assert.ok(!eager.events.some(({ type }) => type === 'gap'))
  lazy.response.resume()
  await until('it has caught up', () => lazy.text.includes(eager.events.at(-1)?.id ?? 'nothing'))
  const ids = Array.from(
    lazy.text.matchAll(/^event: auth\.failed\nid: (\S+)$/gm),
    ([, id = '']) => id,
  )
  const missed = eager.events.filter(({ id }) => !ids.includes(id))
  assert.ok(missed.length === 0 || lazy.text.includes('"reason":"dropped"'))
  lazy.close()
  await eager.stop()
})

test('a server that stops tells those who watch, and does not wait for them', async () => {
  const raw = await rawStream(ownerKey(dataDir))
  await until('it watches', () => raw.text.includes('id: '))
  await server.stop()
  assert.match(raw.text, /event: end\ndata: \{"reason":"draining"\}\n\n$/)
  server = await start()
})

test('the last events are a list with pages, newest or oldest first', async () => {
  for (let count = 0; count < 5; count++) await forgeCall()
  const first = await recent('auth.failed', 2)
  const parameters = { types: 'auth.failed', limit: 2, cursor: first.nextCursor ?? '' }
  const second = await owner().call('events.list', { parameters })
  assert.ok(second.ok)
  const ids = [...first.items, ...second.value.items].map(({ id }) => Number(id.split('-')[1]))
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => b - a),
  )
  const oldest = { types: 'auth.failed', limit: 200, order: 'oldest' } as const
  const up = await owner().call('events.list', { parameters: oldest })
  assert.ok(up.ok)
  const upIds = up.value.items.map(({ id }) => Number(id.split('-')[1]))
  assert.deepEqual(
    upIds,
    upIds.toSorted((a, b) => a - b),
  )
  const bad = await owner().call('events.list', { parameters: { types: 'no.such' } })
  assert.ok(!bad.ok && bad.problem.code === 'input_invalid')
})

test('the command follows, prints a line for each event, and lists', async () => {
  const environment = { LOCKGATE_URL: server.http, LOCKGATE_OPERATOR_KEY: ownerKey(dataDir) }
  const list = startCommand(['events', 'list', '--types', 'auth.failed', '--json'], { environment })
  list.end()
  const listed = await list.ended
  assert.equal(listed.code, 0, listed.stderr)
  assert.ok(JSON.parse(listed.stdout).items.length > 0)
  const { id } = JSON.parse(listed.stdout).items.at(-1)
  const following = startCommand(['events', '--types', 'auth.*', '--after', id], { environment })
  try {
    await until('a line', () => following.output().includes('app=watched'))
    const line = /^\S+ \S+ {2}auth\.failed {2}app=watched {2}reason=\S+ .* {2}target=\w+:\w+$/m
    assert.match(following.output(), line)
  } finally {
    following.closeOutput()
    following.stop()
  }
  await within('its end', following.ended)
})

const numberOf = (id: string) => Number(id.split('-')[1])

async function recent(types: string | undefined, limit: number) {
  const parameters = { limit, ...(types === undefined ? {} : { types }) }
  const answer = await owner().call('events.list', { parameters })
  assert.ok(answer.ok)
  return answer.value
}

interface RawStream {
  text: string
  readonly response: IncomingMessage
  readonly close: () => void
}

/** Follows by hand. */
function rawStream(
  key: string,
  more: {
    readonly onEnd?: () => void
    readonly target?: string
    readonly headers?: Readonly<Record<string, string>>
  } = {},
) {
  const { onEnd = () => {}, target = '/events', headers = {} } = more
  return within(
    'the head of the stream',
    new Promise<RawStream>((resolve, reject) => {
      const options = { headers: { authorization: `Bearer ${key}`, ...headers } }
      const request = get(`${server.http}/admin/v1${target}`, options, (response) => {
        const stream = { text: '', response, close: () => void request.destroy() }
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          stream.text += text
        })
        response.on('end', onEnd)
        response.on('error', onEnd)
        resolve(stream)
      })
      request.on('error', reject)
    }),
  )
}

async function firstBytes(target: string, headers: Readonly<Record<string, string>>) {
  const raw = await rawStream(ownerKey(dataDir), { target, headers })
  assert.equal(raw.response.headers['content-type'], 'text/event-stream')
  await until('something comes', () => raw.text !== '')
  raw.close()
  return raw.text
}
