/** Names that are made to lead here (DNS rebinding), and requests sent to another server's name. */
import assert from 'node:assert/strict'
import { rawAnswer, rawRequest } from '../support/raw-answer.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'

const it = serving({
  config: {
    demo: true,
    publicUrl: 'http://realtime.example.com:8080',
    allowedHosts: ['lockgate', 'admin.example.com:9000'],
  },
})

const OURS = [
  '127.0.0.1',
  '127.0.0.1:8080',
  '[::1]:8080',
  'localhost:8080',
  'realtime.example.com',
  'lockgate:8080',
  'admin.example.com:9000',
]
const OTHERS = [
  'evil.example',
  'localhost.evil.example',
  '127.0.0.1.nip.io',
  'realtime.example.com.evil.example',
  'admin.example.com',
]
const PAGES = [
  ['GET / HTTP', { Accept: 'text/html' }],
  ['GET /demo/app.json HTTP', {}],
  ['GET /demo/page.js HTTP', {}],
  ['POST /demo/events HTTP', { 'Content-Type': 'application/json' }],
  ['GET /admin/v1/openapi.json HTTP', {}],
  ['GET /admin/v1/tenants HTTP', {}],
] as const

async function statusAt(
  line: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly text: string }> {
  return rawAnswer(it.server.http, rawRequest(line.replace(' HTTP', ''), headers))
}

test('administration and page answer to addresses, localhost and names of ours', async () => {
  for (const Host of OURS) {
    for (const [line, headers] of PAGES) {
      const { status } = await statusAt(line, { ...headers, Host })
      assert.notEqual(status, 403, `${line} at ${Host}`)
    }
  }
})

test('administration and page answer 403 to any other name, before a key is looked at', async () => {
  for (const Host of OTHERS) {
    for (const [line, headers] of PAGES) {
      const { status, text } = await statusAt(line, { ...headers, Host, Authorization: 'Bearer x' })
      assert.equal(status, 403, `${line} at ${Host}`)
      assert.doesNotMatch(text, /www-authenticate/i)
    }
  }
})

test('no other header, and no host in the request line, makes a name ours', async () => {
  const Host = 'evil.example'
  for (const name of ['X-Forwarded-Host', 'X-Host', 'Forwarded', 'X-Original-Host']) {
    const { status } = await statusAt('GET /admin/v1/tenants', { Host, [name]: 'localhost' })
    assert.equal(status, 403, name)
  }
  const absolute = 'GET http://localhost/admin/v1/tenants'
  assert.equal((await statusAt(absolute, { Host })).status, 403)
})

test('the HTTP API, tokens and health answer under any name', async () => {
  const Host = 'anything.example'
  assert.equal((await statusAt('GET /', { Host })).status, 200)
  assert.equal((await statusAt('GET /apps/x/channels', { Host })).status, 401)
  assert.equal((await statusAt('POST /connect/token', { Host })).status, 415)
})
