/** The audit log over the administration: what is in it, how it leaves, and that it is sound. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('audited')
const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

/** The first checkpoint comes after a few seconds, the retries of a witness after more. */
const WITNESS_MS = 60_000

let home = ''
let server: LiveServer
let collector: Server
const posted: { readonly tenantId: string }[] = []
let isCollectorOut = true

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'lockgate-audit-'))
  collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.writeHead(isCollectorOut ? 503 : 204).end()
      if (!isCollectorOut) posted.push(...linesOf(Buffer.concat(chunks).toString('utf8')))
    })
  })
  await new Promise<void>((resolve) => void collector.listen(0, '127.0.0.1', resolve))
  const { port } = collector.address() as AddressInfo
  server = await startServer({
    apps: [APP],
    dataDir: join(home, 'data'),
    config: {
      audit: {
        checkpointSeconds: 5,
        witnessFile: join(home, 'witness'),
        witnessUrl: `http://127.0.0.1:${port}/checkpoints`,
      },
    },
  })
})
after(async () => {
  await server.stop()
  collector.close()
  rmSync(home, { recursive: true, force: true })
})

const ownerKey = () => readFileSync(join(home, 'data', 'operator.key'), 'utf8').trim()

async function read(path: string, key = ownerKey()) {
  const answer = await send(server.http, {
    method: 'GET',
    target: `/admin/v1${path}`,
    headers: { authorization: `Bearer ${key}` },
  })
  return { status: answer.status, body: JSON.parse(answer.body) }
}

/** As {@link read}, of a stream. */
async function readLines(path: string) {
  const answer = await send(server.http, {
    method: 'GET',
    target: `/admin/v1${path}`,
    headers: { authorization: `Bearer ${ownerKey()}` },
  })
  assert.equal(answer.headers['content-type'], 'application/x-ndjson', answer.body)
  return linesOf(answer.body)
}

function linesOf(text: string) {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

async function listOf(database: string, tenantId?: string) {
  const of = tenantId === undefined ? '' : `&tenantId=${tenantId}`
  const { body } = await read(`/audit?limit=200&database=${database}${of}`)
  return body.items.map(({ entry }: { entry: unknown }) => entry)
}

interface Entry {
  readonly action: string
  readonly outcome: string
  readonly reason?: string
}

/** Waits until denials for all of these reasons are in a chain. */
async function denied(
  reasons: readonly string[],
  list: () => Promise<readonly Entry[]>,
): Promise<void> {
  await until(`the denials ${reasons.join()}`, async () => {
    const rows = (await list()).filter(({ outcome }) => outcome === 'denied')
    const found = rows.map(({ reason }) => reason)
    return reasons.every((reason) => found.includes(reason)) ? true : undefined
  })
}

test('who was refused at which door is in the log of whom it concerns', async () => {
  await read('/whoami', 'op_not_a_key')
  await send(server.http, { method: 'GET', target: '/admin/v1/whoami' })
  const wrong = `/apps/${APP.id}/channels?auth_key=${APP.key}&auth_timestamp=1&auth_version=1.0&auth_signature=x`
  await send(server.http, { method: 'GET', target: wrong })
  await send(server.http, {
    method: 'GET',
    target: `/apps/${APP.id}/channels`,
    headers: { authorization: `Bearer ${APP.secret}` },
  })
  const wire = await Wire.open(server, APP)
  wire.send({ event: 'pusher:subscribe', data: { channel: 'private-a', auth: `${APP.key}:x` } })
  const stranger = new Wire(server.socketUrl('no-such-key'))
  await stranger.closure()
  const own = () => listOf('local', TENANT)
  await denied(['unauthenticated', 'credential_invalid', 'signature_invalid'], own)
  await denied(['credential_invalid', 'credential_missing', 'app_unknown'], () => listOf('control'))
  const text = JSON.stringify([await listOf('control'), await listOf('local', TENANT)])
  assert.ok(!text.includes(APP.secret) && !text.includes('no-such-key'))
  await wire.close()
})

test('the export is a line of OCSF for each row, and goes on where another has ended', async () => {
  const all = await readLines('/audit/export')
  for (const event of all) {
    assert.equal(event.type_uid, event.class_uid * 100 + event.activity_id)
    assert.equal(event.category_uid, Math.floor(event.class_uid / 1000))
    assert.equal(event.metadata.version, '1.5.0')
    assert.equal(event.metadata.product.name, 'Lockgate')
    assert.ok(event.user ?? event.entity ?? event.api, JSON.stringify(event))
    assert.equal(typeof event.time, 'number')
  }
  const failed = all.find(({ message }) => message === 'auth.failed')
  assert.deepEqual([failed.class_uid, failed.status_id], [3002, 2])
  assert.equal(failed.src_endpoint.ip, '127.0.0.1')
  const own = await readLines(`/audit/export?tenantId=${TENANT}&database=local`)
  assert.ok(own.length > 1)
  for (const event of own) assert.equal(event.metadata.tenant_uid, TENANT)
  const [rest] = await readLines(`/audit/export?tenantId=${TENANT}&database=local&after=1`)
  assert.equal(rest.metadata.sequence, 2)
  assert.deepEqual(await readLines('/audit/export?to=2001-01-01T00:00:00Z'), [])
  assert.equal((await read('/audit/export?after=1')).status, 400)
  assert.equal((await read('/audit/export?database=none')).status, 404)
  const exports = (await listOf('control')).filter((row: Entry) => row.action === 'audit.exported')
  assert.equal(exports[0].actor.kind, 'operator')
})

test('pages of the log follow each other to its end', async () => {
  const seen: number[] = []
  let cursor = ''
  for (;;) {
    const next = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await read(`/audit?limit=2&database=local&tenantId=${TENANT}${next}`)
    seen.push(...body.items.map(({ seq }: { seq: number }) => seq))
    if (body.nextCursor === undefined) break
    cursor = body.nextCursor
  }
  assert.deepEqual(
    seen,
    Array.from({ length: seen.length }, (_, at) => at + 1),
  )
  assert.ok(seen.length > 2)
})

test('pages of the log go from its newest row to its first, when that is asked for', async () => {
  const place = `database=local&tenantId=${TENANT}&order=newest`
  const seen: number[] = []
  let cursor = ''
  do {
    const { body } = await read(`/audit?limit=2&${place}${cursor}`)
    seen.push(...body.items.map(({ seq }: { seq: number }) => seq))
    cursor = body.nextCursor === undefined ? '' : `&cursor=${body.nextCursor}`
  } while (cursor !== '')
  assert.ok(seen.length > 2)
  assert.deepEqual(
    seen,
    Array.from({ length: seen.length }, (_, at) => seen.length - at),
  )
  const { body: rest } = await read(`/audit?limit=2&${place}&after=${seen.length - 1}`)
  assert.deepEqual([rest.items.length, rest.nextCursor], [1, undefined])
  const { body: none } = await read(`/audit?${place}&after=${seen.length}`)
  assert.deepEqual(none, { items: [] })
})

test('verification finds a log nobody touched sound, and says so in the log', async () => {
  const lines = await readLines('/audit/verify')
  assert.equal(lines.length, 1, JSON.stringify(lines))
  assert.equal(lines[0].isSound, true)
  assert.ok(lines[0].rowCount > 10)
  assert.equal((await listOf('control')).at(-1).action, 'audit.verified')
})

test('checkpoints are signed, kept by both witnesses, and lost by none that was out', async () => {
  const path = join(home, 'witness')
  const kept = await until(
    'the file has a checkpoint of the tenant',
    () => {
      const lines = existsSync(path) ? linesOf(readFileSync(path, 'utf8')) : []
      return lines.some(({ tenantId }) => tenantId === TENANT) ? lines : undefined
    },
    WITNESS_MS,
  )
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const own = kept.filter(({ tenantId }) => tenantId === TENANT)
  const { body } = await read(`/audit/checkpoints?tenantId=${TENANT}&limit=200`)
  assert.deepEqual(own, body.items.slice(0, own.length))
  const { body: key } = await read('/audit/public-key')
  assert.deepEqual([key.kty, key.crv, key.kid], ['OKP', 'Ed25519', kept[0].keyId])
  assert.equal(posted.length, 0)
  await until('the log tells of the service that is out', () =>
    server.logLines().some(({ task }) => String(task).startsWith('witness http')),
  )
  assert.ok((await server.metric('lockgate_audit_witness_behind')) > 0)
  const signedAt = await server.metric('lockgate_audit_checkpoint_timestamp_seconds')
  assert.ok(signedAt * 1_000 >= Math.max(...own.map(({ atMs }) => atMs)))
  isCollectorOut = false
  await until('the service has what it missed', () => posted.length >= kept.length, WITNESS_MS)
  assert.ok(posted.some(({ tenantId }) => tenantId === TENANT))
  await until(
    'no witness is behind',
    async () => (await server.metric('lockgate_audit_witness_behind')) === 0,
  )
})
