/** The origin policy of an app, decided before the upgrade. */
import assert from 'node:assert/strict'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const ALLOWED = ['https://app.example.com', 'https://*.example.org', 'http://localhost:3000']
const LISTED = app('listed', { allowedOrigins: ALLOWED, missingOrigin: 'deny' })
const LENIENT = app('lenient', { allowedOrigins: ALLOWED, missingOrigin: 'allow' })
const CLOSING = app('closing', {
  allowedOrigins: ALLOWED,
  missingOrigin: 'deny',
  originRefusal: 'close',
})
const ANY = app('any')

const it = serving({ apps: [LISTED, LENIENT, CLOSING, ANY] })

/** How a dial with this Origin header ends: `open`, a status or a close code. */
async function outcome(target: typeof LISTED, origin?: string): Promise<'open' | number> {
  const headers = origin === undefined ? {} : { Origin: origin }
  const wire = new Wire(it.server.socketUrl(target.key), { headers })
  await until('an outcome', () => wire.frames.length > 0 || wire.closed !== undefined)
  const isEstablished = wire.frames[0]?.event === 'pusher:connection_established'
  if (isEstablished) {
    await wire.close()
    return 'open'
  }
  return wire.refusal?.status ?? (await wire.closure()).code
}

const REFUSED = [
  'http://app.example.com',
  'https://app.example.com:8443',
  'https://app.example.com.evil',
  'https://evil-app.example.com',
  'https://xapp.example.com',
  'https://sub.app.example.com',
  'https://evilexample.org',
  'https://example.org.evil',
  'https://a.example.org.evil',
  'https://a.example.org:444',
  'http://a.example.org',
  'https://evil.com/.example.org',
  'https://evil.com#.example.org',
  'https://evil.com?.example.org',
  'https://evil.com\\.example.org',
  'https://user@a.example.org',
  'https://a.example.org@evil.com',
  'https://*.example.org',
  'https://.example.org',
  'http://localhost',
  'http://localhost:3001',
  'https://localhost:3000',
  'null',
  'file://',
  '*',
  'app.example.com',
  'https://app.example.com, https://evil.com',
]

test('a listed origin, exact or under a wildcard, is let in', async () => {
  const good = [...ALLOWED.filter((origin) => !origin.includes('*')), 'https://a.example.org']
  for (const origin of good) {
    for (const target of [LISTED, LENIENT, CLOSING]) {
      assert.equal(await outcome(target, origin), 'open', origin)
    }
  }
})

test('any other scheme, host, port or label boundary gets 403 before the upgrade', async () => {
  for (const origin of REFUSED) {
    assert.equal(await outcome(LISTED, origin), 403, origin)
    assert.equal(await outcome(LENIENT, origin), 403, origin)
  }
})

test('with originRefusal: close the refusal is a close with 4009, which pusher-js obeys', async () => {
  for (const origin of REFUSED) assert.equal(await outcome(CLOSING, origin), 4009, origin)
})

test('pusher-js gives up after the 4009 of its origin', async () => {
  const client = it.clients.pusher(CLOSING) // in Node it sends no Origin
  await until('pusher-js gave up', () => client.connection.state === 'disconnected')
})

test('a missing Origin is denied or allowed as the app says', async () => {
  assert.equal(await outcome(LISTED), 403)
  assert.equal(await outcome(CLOSING), 4009)
  assert.equal(await outcome(LENIENT), 'open')
})

test('an app without a list takes any origin in development', async () => {
  for (const origin of [undefined, 'null', 'https://anything.example']) {
    assert.equal(await outcome(ANY, origin), 'open')
  }
})

test('a refused origin is logged without any secret and counted', async () => {
  assert.equal(await outcome(LISTED, 'https://evil.example'), 403)
  assert.ok(!it.server.stderr.includes(LISTED.secret))
})
