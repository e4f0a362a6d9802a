/**
 * The headers that guard browsers, read off the wire: on every answer of our code, over HTTP and
 * HTTPS, on every listener.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { ownerKey } from '../support/administration.ts'
import { makeCertificate } from '../support/certificate.ts'
import { type RawAnswer, rawAnswer, rawRequest } from '../support/raw-answer.ts'
import { upgradeRequest } from '../support/raw-socket.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { signedQuery } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const HEADERS = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Strict-Transport-Security', 'max-age=31536000'],
  ['X-XSS-Protection', '1; mode=block'],
  ['Content-Security-Policy', "default-src 'self'"],
  ['Referrer-Policy', 'strict-origin'],
] as const

const APP = app('headers')
const LISTED = app('listed', { allowedOrigins: ['https://app.example.com'] })
const home = mkdtempSync(join(tmpdir(), 'lockgate-headers-'))
after(() => rmSync(home, { recursive: true, force: true }))
const dataDir = join(home, 'data')
const [certFile, keyFile] = [join(home, 'cert.pem'), join(home, 'key.pem')]
const { cert, key } = makeCertificate('headers', 'IP:127.0.0.1')
writeFileSync(certFile, cert)
writeFileSync(keyFile, key)

const it = serving({
  apps: [APP, LISTED],
  dataDir,
  config: {
    tls: { certFile, keyFile },
    limits: { connectionCountMax: 1 },
    load: { shedding: false },
  },
})
const page = serving({ config: { demo: true } })

/** Requires each header once, to the letter. */
function requireHeaders(what: string, { headers, text }: RawAnswer): void {
  for (const [name, value] of HEADERS) {
    const found = headers.filter(([each]) => each.toLowerCase() === name.toLowerCase())
    assert.deepEqual(
      found.map(([, each]) => each),
      [value],
      `${name} of ${what}: ${text.slice(0, 600)}`,
    )
  }
}

interface Row {
  readonly what: string
  readonly status: number
  readonly bytes: () => string
}

const JSON_TYPE = { 'Content-Type': 'application/json' }
const PREFLIGHT = {
  Origin: 'https://app.example.com',
  'Access-Control-Request-Method': 'POST',
}
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' }
const EVENTS = `/apps/${APP.id}/events`
const EVENT = JSON.stringify({ name: 'e', data: 'x', channel: 'headers' })

function publish(body: string, headers: Readonly<Record<string, string>> = {}): string {
  const query = signedQuery(APP, { method: 'POST', path: EVENTS, body })
  return rawRequest(`POST ${EVENTS}?${query}`, { ...JSON_TYPE, ...headers }, body)
}

function signedEvents(): string {
  return `POST ${EVENTS}?${signedQuery(APP, { method: 'POST', path: EVENTS, body: '' })}`
}

function asOwner(line: string): string {
  return rawRequest(line, { Authorization: `Bearer ${ownerKey(dataDir)}` })
}

function chunkedBody(line: string, byteCount: number): string {
  const head = rawRequest(line, { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' })
  return `${head}${byteCount.toString(16)}\r\n${'x'.repeat(byteCount)}\r\n0\r\n\r\n`
}

const PUBLIC: readonly Row[] = [
  { what: 'a published event', status: 200, bytes: () => publish(EVENT) },
  { what: 'a health answer', status: 200, bytes: () => rawRequest('GET /') },
  { what: 'the answer to HEAD', status: 404, bytes: () => rawRequest('HEAD /nothing') },
  {
    what: 'a description',
    status: 200,
    bytes: () => rawRequest('GET /admin/v1/openapi.json'),
  },
  { what: 'a list', status: 200, bytes: () => asOwner('GET /admin/v1/tenants') },
  { what: 'live events', status: 200, bytes: () => asOwner('GET /admin/v1/events') },
  { what: 'a stream', status: 200, bytes: () => asOwner('GET /admin/v1/audit/export') },
  {
    what: 'a preflight',
    status: 204,
    bytes: () => rawRequest(`OPTIONS /apps/${LISTED.id}/events`, PREFLIGHT),
  },
  {
    what: 'a preflight of another site',
    status: 403,
    bytes: () => rawRequest(`OPTIONS /apps/${APP.id}/events`, PREFLIGHT),
  },
  {
    what: 'a foreign name',
    status: 403,
    bytes: () => rawRequest('GET /admin/v1/tenants', { Host: 'evil.example' }),
  },
  { what: 'CONNECT', status: 400, bytes: () => rawRequest('CONNECT 127.0.0.1:80') },
  { what: 'HTTP/1.0 without a Host', status: 400, bytes: () => 'GET / HTTP/1.0\r\n\r\n' },
  { what: 'a broken body', status: 400, bytes: () => publish('{') },
  { what: 'a wrong Host', status: 400, bytes: () => rawRequest('GET /', { Host: 'a/b' }) },
  {
    what: 'a wrong signature',
    status: 401,
    bytes: () => rawRequest(`GET /apps/${APP.id}/channels`),
  },
  { what: 'a missing key', status: 401, bytes: () => rawRequest('GET /admin/v1/tenants') },
  {
    what: 'a wrong client',
    status: 401,
    bytes: () =>
      rawRequest(
        'POST /connect/token',
        FORM_TYPE,
        'grant_type=client_credentials&client_id=nobody&client_secret=wrong',
      ),
  },
  { what: 'an unknown path', status: 404, bytes: () => rawRequest('GET /nothing') },
  { what: 'a tenant without keys', status: 404, bytes: () => rawRequest(`GET /${UUID}${JWKS}`) },
  { what: 'another method', status: 405, bytes: () => rawRequest(`DELETE ${EVENTS}`) },
  { what: 'GET of the token endpoint', status: 405, bytes: () => rawRequest('GET /connect/token') },
  {
    what: 'a body that announces too much',
    status: 413,
    bytes: () => publish('', { 'Content-Length': '500000000' }),
  },
  {
    what: 'a body that turns out too large',
    status: 413,
    bytes: () => chunkedBody(signedEvents(), 300_000),
  },
  {
    what: 'a large form',
    status: 413,
    bytes: () => rawRequest('POST /connect/token', FORM_TYPE, 'x'.repeat(20_000)),
  },
  {
    what: 'a body of another kind',
    status: 415,
    bytes: () => rawRequest('POST /connect/token', { 'Content-Type': 'text/plain' }, 'x'),
  },
  {
    what: 'an upgrade of another origin',
    status: 403,
    bytes: () =>
      upgradeRequest(`/app/${LISTED.key}?protocol=7`, { Origin: 'https://evil.example' }),
  },
  {
    what: 'an upgrade at a wrong path',
    status: 404,
    bytes: () => upgradeRequest('/nothing/at/all'),
  },
  {
    what: 'an upgrade with a subprotocol',
    status: 400,
    bytes: () => upgradeRequest(`/app/${APP.key}?protocol=7`, { 'Sec-WebSocket-Protocol': 'x' }),
  },
  {
    what: 'an upgrade without a key',
    status: 400,
    bytes: () => upgradeRequest(`/app/${APP.key}?protocol=7`, { 'Sec-WebSocket-Key': '' }),
  },
  {
    what: 'an upgrade that is told in a close',
    status: 101,
    bytes: () => upgradeRequest('/app/nobody?protocol=7'),
  },
]
const UUID = '00000000-0000-4000-8000-000000000000'
const JWKS = '/.well-known/jwks'

const OPS: readonly Row[] = [
  { what: 'live', status: 200, bytes: () => rawRequest('GET /live') },
  { what: 'ready', status: 200, bytes: () => rawRequest('GET /ready') },
  { what: 'metrics', status: 200, bytes: () => rawRequest('GET /metrics') },
  { what: 'an unknown path', status: 404, bytes: () => rawRequest('GET /nothing') },
  { what: 'another method', status: 405, bytes: () => rawRequest('POST /metrics') },
]

const EVIL = { ...JSON_TYPE, Origin: 'https://evil.example' }
const PAGE: readonly Row[] = [
  { what: 'the page', status: 200, bytes: () => rawRequest('GET /', { Accept: 'text/html' }) },
  { what: 'its script', status: 200, bytes: () => rawRequest('GET /demo/page.js') },
  { what: 'its app', status: 200, bytes: () => rawRequest('GET /demo/app.json') },
  { what: 'another site', status: 403, bytes: () => rawRequest('POST /demo/events', EVIL, '{}') },
]

async function requireRows(base: string, rows: readonly Row[]): Promise<void> {
  for (const { what, status, bytes } of rows) {
    const answer = await rawAnswer(base, bytes())
    assert.equal(answer.status, status, `${what}: ${answer.text.slice(0, 600)}`)
    requireHeaders(what, answer)
  }
}

test('every answer over HTTP has the security headers, whatever its status', async () => {
  await requireRows(it.server.http, PUBLIC)
})

test('every answer over HTTPS has the security headers, whatever its status', async () => {
  await requireRows(it.server.https, PUBLIC)
})

test('every answer of the operations listener has the security headers', async () => {
  await requireRows(it.server.ops, OPS)
})

test('every answer of the page has the security headers, and no policy of its own', async () => {
  await requireRows(page.server.http, PAGE)
})

const OPEN = 'lockgate_connections_open'

test('an accepted upgrade has the security headers, one over the limit too', async () => {
  const bytes = upgradeRequest(`/app/${APP.key}?protocol=7`)
  const accepted = await rawAnswer(it.server.http, bytes)
  assert.equal(accepted.status, 101)
  requireHeaders('an upgrade', accepted)
  await until('its place is free', async () => (await it.server.metric(OPEN)) === 0)
  const wire = await Wire.open(it.server, APP)
  const refused = await rawAnswer(it.server.http, bytes)
  assert.equal(refused.status, 503)
  requireHeaders('an upgrade over the limit', refused)
  await wire.close()
})

test('a 429 has the security headers', async () => {
  for (const base of [it.server.http, it.server.https]) {
    let answer: RawAnswer
    let count = 0
    do answer = await rawAnswer(base, rawRequest(`GET /${UUID}${JWKS}`))
    while (answer.status !== 429 && count++ < 100)
    assert.equal(answer.status, 429)
    requireHeaders('a refusal of too many', answer)
  }
})
