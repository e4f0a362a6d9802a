/** The HTTP listener against requests that are smuggled, oversized, slow or broken. */
import assert from 'node:assert/strict'
import { call, post } from '../support/http.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { type HttpCall, signedQuery } from '../support/signing.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { Wire } from '../support/wire.ts'

const APP = app('edge')
const PATH = `/apps/${APP.id}/events`
const BODY = JSON.stringify({ name: 'smuggled', data: 'x', channel: 'edge' })
/**
 * A slow peer is cut by the server's own clock, which no test may set; this only bounds the wait.
 */
const SLOW_MS = 90_000

/** How long the server waits for a body it has asked for. */
const BODY_MS = 8_000

const it = serving({ apps: [APP] })

/** Request line and headers of a signed publish, ready to be bent. */
function head(lines: readonly string[], body: HttpCall['body'] = BODY): string {
  const query = signedQuery(APP, { method: 'POST', path: PATH, body })
  return `POST ${PATH}?${query} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** Sends raw bytes and returns the status of the first answer, 0 for a hang-up. */
async function statusOf(bytes: string): Promise<number> {
  const raw = new RawSocket(it.server.port)
  raw.write(bytes)
  const status = await raw.status()
  raw.destroy()
  return status
}

/** A socket on the channel every request here tries to publish to. */
async function witness(): Promise<Wire> {
  const wire = await Wire.open(it.server, APP)
  await wire.join(APP, 'edge')
  return wire
}

const HOST = 'Host: 127.0.0.1'
const TYPE = 'Content-Type: application/json'
const CRLF = Buffer.from('\r\n')
const LENGTH = `Content-Length: ${BODY.length}`

test('a whole request written by hand is served, so the refusals below mean something', async () => {
  const wire = await witness()
  assert.equal(await statusOf(head([HOST, TYPE, LENGTH]) + BODY), 200)
  await wire.next('smuggled')
  await wire.close()
})

test('two Host headers, or one with two names, are refused with 400', async () => {
  assert.equal(await statusOf(head([HOST, 'Host: evil.example', LENGTH]) + BODY), 400)
  assert.equal(await statusOf(head(['Host: 127.0.0.1, evil.example', LENGTH]) + BODY), 400)
  assert.equal(await statusOf(head([LENGTH]) + BODY), 400, 'no Host at all')
})

test('a Host that is no host is refused with 400, and moves no path', async () => {
  for (const host of ['user@evil.example', 'a/b', 'a?b', 'a#b', 'a\\b', '', 'a b', 'ü']) {
    for (const path of ['/', '/x/admin/v1/openapi.json', '/x://y/admin/v1/openapi.json']) {
      const bytes = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
      assert.equal(await statusOf(bytes), 400, `${host} ${path}`)
    }
  }
  const moved = `GET /x/admin/v1/openapi.json HTTP/1.1\r\n${HOST}\r\n\r\n`
  assert.equal(await statusOf(moved), 404)
})

test('a body framed two ways at once is refused and never read as a second request', async () => {
  const wire = await witness()
  const chunk = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`
  const inner = head([HOST, TYPE, LENGTH]) + BODY
  const attempts = [
    head([HOST, LENGTH, 'Transfer-Encoding: chunked']) + chunk,
    head([HOST, 'Transfer-Encoding: chunked', LENGTH]) + chunk,
    head([HOST, 'Content-Length: 5', 'Content-Length: 6']) + BODY,
    head([HOST, 'Content-Length: +5']) + BODY,
    head([HOST, 'Content-Length: -5']) + BODY,
    head([HOST, 'Content-Length: 0x5']) + BODY,
    head([HOST, 'Content-Length: 99999999999999999999']) + BODY,
    head([HOST, 'Transfer-Encoding: xchunked']) + chunk,
    head([HOST, 'Transfer-Encoding : chunked']) + chunk,
    `${head([HOST, 'Content-Length: 0', 'Transfer-Encoding: chunked'])}0\r\n\r\n${inner}`,
    head([HOST, 'Transfer-Encoding: chunked']).concat(`zz\r\n${BODY}\r\n0\r\n\r\n`),
  ]
  for (const attempt of attempts) {
    const raw = new RawSocket(it.server.port)
    raw.write(attempt)
    const status = await raw.status()
    assert.ok(status === 0 || (status >= 400 && status < 600), `${status} for ${attempt}`)
    await until('the connection is closed', () => raw.isClosed)
    assert.ok(!raw.text.includes('HTTP/1.1 200'), 'no second answer')
  }
  await wire.fence()
  assert.equal(wire.all('smuggled').length, 0)
  await wire.close()
})

test('a body longer than announced is not believed and its rest is not a request', async () => {
  const wire = await witness()
  const short = BODY.length - 10
  const raw = new RawSocket(it.server.port)
  raw.write(head([HOST, TYPE, `Content-Length: ${short}`]) + BODY + BODY)
  const status = await raw.status()
  assert.ok([0, 400, 401].includes(status), String(status))
  await until('the connection is closed', () => raw.isClosed)
  await wire.fence()
  assert.equal(wire.all('smuggled').length, 0)
  await wire.close()
})

test('a body over the cap gets 413 before it is sent, when it is announced', async () => {
  for (const length of ['500000000', '9007199254740991']) {
    assert.equal(await statusOf(head([HOST, TYPE, `Content-Length: ${length}`])), 413, length)
  }
})

test('a body over the cap gets 413 while it is sent, when it comes in chunks', async () => {
  const raw = new RawSocket(it.server.port)
  raw.write(head([HOST, TYPE, 'Transfer-Encoding: chunked']))
  const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x20), CRLF])
  while (!raw.isClosed && !raw.text.includes('HTTP/1.1')) {
    raw.write(chunk)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  assert.equal(await raw.status(), 413)
  raw.destroy()
})

test('a stranger is refused before anything large is sent, whoever vouches is waited for', async () => {
  const wrong = `POST ${PATH}?auth_key=${APP.key} HTTP/1.1\r\n${HOST}\r\n${TYPE}\r\n`
  const token = `POST ${PATH} HTTP/1.1\r\n${HOST}\r\n${TYPE}\r\nAuthorization: Bearer nobody\r\n`
  for (const begin of [wrong, token]) {
    for (const framing of ['Content-Length: 200000', 'Transfer-Encoding: chunked']) {
      const began = performance.now()
      assert.equal(await statusOf(`${begin}${framing}\r\n\r\n`), 401, framing)
      assert.ok(performance.now() - began < BODY_MS, 'it waited for the body')
    }
  }
  const wire = await witness()
  const large = JSON.stringify({ name: 'smuggled', data: 'x'.repeat(9_000), channel: 'edge' })
  const padded = large + ' '.repeat(20_000)
  const raw = new RawSocket(it.server.port)
  raw.write(head([HOST, TYPE, `Content-Length: ${padded.length}`], padded) + padded.slice(0, 99))
  raw.write(padded.slice(99))
  assert.equal(await raw.status(), 200)
  raw.destroy()
  await wire.next('smuggled')
  await wire.close()
})

test('a body in chunks of one byte each is read to its end like any other', async () => {
  const raw = new RawSocket(it.server.port)
  raw.write(head([HOST, TYPE, 'Transfer-Encoding: chunked'], ''))
  raw.write(Buffer.from('1\r\n \r\n'.repeat(200_000), 'latin1'))
  raw.write('0\r\n\r\n')
  // The signature covers another body; that it was read to its end is what counts.
  assert.equal(await raw.status(), 401)
  raw.destroy()
})

test('a body that comes too slowly gets 408, and the connection ends', async () => {
  const announced = new RawSocket(it.server.port)
  const chunked = new RawSocket(it.server.port)
  announced.write(head([HOST, TYPE, 'Content-Length: 5000']))
  chunked.write(head([HOST, TYPE, 'Transfer-Encoding: chunked']))
  const drip = setInterval(() => {
    announced.write('x')
    chunked.write('1\r\nx\r\n')
  }, 500)
  try {
    for (const raw of [announced, chunked]) {
      assert.equal(await raw.status(SLOW_MS), 408)
      await until('the connection is closed', () => raw.isClosed)
    }
  } finally {
    clearInterval(drip)
  }
})

test('broken JSON gets 400, deep JSON too, and neither ends the process', async () => {
  const bodies = [
    '{',
    '{"name":"e"',
    'no json',
    '',
    '\u0000',
    '['.repeat(10_000),
    `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    `{"name":"e","data":"x","channel":"edge","deep":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    '{"name":"e","data":"x","channel":"edge"}trailing',
  ]
  for (const body of bodies) {
    const answer = await post(it.server, APP, ['/events', body])
    assert.equal(answer.status, 400, `${answer.status} for ${body.slice(0, 60)}`)
    assert.equal((await post(it.server, APP, ['/batch_events', body])).status, 400)
  }
  const invalid = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')])
  const broken = await call(it.server, APP, { method: 'POST', path: PATH, body: invalid })
  assert.equal(broken.status, 400)
})

test('too many or too large headers are refused, a long path too', async () => {
  const many = Array.from({ length: 5000 }, (_none, index) => `X-${index}: y`)
  assert.ok([0, 400, 431].includes(await statusOf(head([HOST, LENGTH, ...many]) + BODY)))
  const large = `X: ${'y'.repeat(200_000)}`
  assert.ok([0, 400, 431].includes(await statusOf(head([HOST, LENGTH, large]) + BODY)))
  const long = `GET /${'x'.repeat(200_000)} HTTP/1.1\r\n${HOST}\r\n\r\n`
  assert.ok([0, 400, 404, 414, 431].includes(await statusOf(long)))
})

test('who sends headers or a body slower than a byte now and then is cut', async () => {
  const whole = head([HOST, TYPE, LENGTH])
  const slow = new RawSocket(it.server.port)
  const silent = new RawSocket(it.server.port)
  const halfBody = new RawSocket(it.server.port)
  const drippingBody = new RawSocket(it.server.port)
  halfBody.write(whole + BODY.slice(0, 10))
  drippingBody.write(head([HOST, TYPE, 'Content-Length: 5000']))
  let sent = 0
  const drip = setInterval(() => {
    slow.write(whole.charAt(sent++ % 40))
    drippingBody.write('x')
  }, 500)
  try {
    const peers = [slow, silent, halfBody, drippingBody]
    await until('all four are cut', () => peers.every((peer) => peer.isClosed), SLOW_MS)
  } finally {
    clearInterval(drip)
  }
})
