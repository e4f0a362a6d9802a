/** What a failure inside becomes outside: an outage is unavailable, a bug costs one connection. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { guardWorld } from '../../../../test/support/guard-world.ts'
import { UNLOADED } from '../../../../test/support/load-world.ts'
import { plainRouter } from '../../../../test/support/plain-router.ts'
import { Tally } from '../core/tally.ts'
import { Outage } from '../ports/outage.ts'
import type { WebSocketProtocol } from '../sessions/session.ts'
import { makeCertificate } from '../../../../test/support/certificate.ts'
import { lineStreamAnswer } from '../http/admin/line-stream.ts'
import { TrustedProxies } from '../http/client-address.ts'
import { tellFailure } from '../http/failures.ts'
import { SECURITY_HEADERS } from '../http/security-headers.ts'
import { listenHttp } from './http.ts'
import { Pump } from './pump.ts'
import type { Listener } from './socket.ts'
import { TurnWriter } from './turn-writer.ts'
import { WebSockets } from './websocket.ts'

const INSIDE = 'a detail of the inside'
const tally = new Tally()
const logged: string[] = []
let server: Listener
let secure: Listener

function fail(what: string): never {
  if (what.includes('outage')) {
    throw new Outage('broker_unavailable', INSIDE, { port: 'broker' })
  }
  throw new Error(INSIDE)
}

/** Fails in the way the path asks for, before the first line or after more than one chunk. */
async function* failingLines(path: string) {
  if (path.includes('first')) fail(path)
  for (let count = 0; count < 5_000; count++) yield { count, text: 'as long as a row of the log' }
  await Promise.resolve()
  if (!path.includes('whole')) fail(path)
}

/** Fails in the way each message asks for; a session that ends closes with 4100. */
const failing: WebSocketProtocol = {
  admit: () => ({
    kind: 'session',
    start: (outbox) => ({
      open() {},
      receive: (frame) => (frame === 'echo' ? outbox.send('echo') : fail(String(frame))),
      heard() {},
      tick: () => Number.POSITIVE_INFINITY,
      end: (refusal) => outbox.close(4100, refusal),
      closed() {},
    }),
  }),
}

beforeAll(() => {
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
  const error = (event: string) => void logged.push(event)
  const log = { debug() {}, info() {}, warn() {}, error }
  const limits = {
    connectionCountMax: 10,
    webSocketFrameBytesMax: 1_024,
    activityTimeoutMs: 120_000,
    pongTimeoutMs: 30_000,
  }
  const pump = new Pump(1_024, { clock, tally, log })
  const ports = {
    pump,
    writer: new TurnWriter(),
    clock,
    tally,
    log,
    router: plainRouter(failing),
    load: UNLOADED,
    ...guardWorld(clock),
  }
  const webSockets = new WebSockets({ limits, mqtt: { packetBytesMax: 1_024 } }, ports)
  const address = { hostname: '127.0.0.1', port: 0 }
  const route = (request: Request, { path }: { path: string }) =>
    path.startsWith('/lines')
      ? lineStreamAnswer(failingLines(path), {
          signal: request.signal,
          tellFailure: (cause) => void tellFailure(cause, { tally, log }),
        })
      : fail(path)
  const trustedProxies = new TrustedProxies([])
  const deps = { route, webSockets, pathPrefix: '', trustedProxies, tally, log }
  server = listenHttp({ address, isShared: false }, deps)
  const tls = makeCertificate('edge', 'IP:127.0.0.1')
  secure = listenHttp({ address, isShared: false, tls }, deps)
})

afterAll(() => Promise.all([server.stop(true), secure.stop(true)]))

describe('over HTTP', () => {
  const table = [
    { path: '/outage', status: 503, code: 'unavailable', event: 'http_outage' },
    { path: '/bug', status: 500, code: 'internal', event: 'http_bug' },
  ]
  test.each(table)('$path is answered in public words only', async (row) => {
    const { path, status, code, event } = row
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`)
    const body = await answer.text()
    expect(answer.status).toBe(status)
    expect(JSON.parse(body)).toMatchObject({ code, status })
    expect(body).not.toContain(INSIDE)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(logged).toContain(event)
  })

  test.each(table)(
    '$path is answered with the security headers, with TLS and without',
    async (row) => {
      const insecure = { tls: { rejectUnauthorized: false } }
      for (const base of [`http://127.0.0.1:${server.port}`, `https://127.0.0.1:${secure.port}`]) {
        const answer = await fetch(base + row.path, insecure)
        expect(answer.status).toBe(row.status)
        for (const [name, value] of SECURITY_HEADERS) expect(answer.headers.get(name)).toBe(value)
      }
    },
  )
})

describe('over HTTP, line by line', () => {
  const read = (path: string) => fetch(`http://127.0.0.1:${server.port}/lines/${path}`)

  test('a whole answer ends as one', async () => {
    const text = await (await read('whole')).text()
    expect(text.trimEnd().split('\n')).toHaveLength(5_000)
  })

  test('an outage on the way leaves an answer without an end, and is logged and counted', async () => {
    logged.length = 0
    const before = tally.refusals.get('unavailable') ?? 0
    const answer = await read('outage')
    expect(answer.status).toBe(200)
    expect(await failureOf(answer.text())).toBeInstanceOf(Error)
    expect(logged).toEqual(['http_outage'])
    expect(tally.refusals.get('unavailable')).toBe(before + 1)
  })

  test('a bug on the way does so too, and is counted as one', async () => {
    logged.length = 0
    const before = tally.bugs
    expect(await failureOf((await read('bug')).text())).toBeInstanceOf(Error)
    expect(logged).toEqual(['http_bug'])
    expect(tally.bugs).toBe(before + 1)
  })

  test('an outage before the first line is an answer like any other', async () => {
    logged.length = 0
    const answer = await read('first-outage')
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: 'unavailable' })
    expect(logged).toEqual(['http_outage'])
  })
})

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

describe('in a session', () => {
  test('an outage ends the connection as unavailable and counts no bug', async () => {
    const bugsBefore = tally.bugs
    expect(await closeCodeAfter('outage')).toBe(4100)
    expect(tally.bugs).toBe(bugsBefore)
    expect(logged).toContain('session_outage')
  })

  test('a bug ends that connection and leaves its neighbour alone', async () => {
    const bugsBefore = tally.bugs
    const neighbour = new WebSocket(`ws://127.0.0.1:${server.port}/`)
    await new Promise((resolve) => neighbour.addEventListener('open', resolve))
    expect(await closeCodeAfter('bug')).toBe(1006)
    expect(tally.bugs).toBe(bugsBefore + 1)
    const echoed = new Promise((resolve) => neighbour.addEventListener('message', resolve))
    neighbour.send('echo')
    await echoed
    neighbour.close()
  })
})

function closeCodeAfter(message: string): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`)
  socket.addEventListener('open', () => socket.send(message))
  return new Promise((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))
}
