/** Admission on real sockets: what takes a while, what fails, what is refused, who is pinged. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { guardWorld } from '../../../../test/support/guard-world.ts'
import { plainRouter } from '../../../../test/support/plain-router.ts'
import { frameBytes, RawSocket, upgradeRequest } from '../../../../test/support/raw-socket.ts'
import { KeepingSession } from '../../../../test/support/stream-world.ts'
import { until } from '../../../../test/support/wait.ts'
import { Tally } from '../core/tally.ts'
import { TrustedProxies } from '../http/client-address.ts'
import { Outage } from '../ports/outage.ts'
import type { Admission, UpgradeRequest } from '../sessions/session.ts'
import { listenHttp } from './http.ts'
import { PENDING_MS_MAX } from './pending-admissions.ts'
import { Pump } from './pump.ts'
import type { Listener } from './socket.ts'
import { TurnWriter } from './turn-writer.ts'
import { WebSockets } from './websocket.ts'

const FRAME_BYTES_MAX = 4_096
const LARGE_FRAME_BYTES_MAX = 131_072
type Deciding = PromiseWithResolvers<Admission>

let sessions: KeepingSession[] = []
let deciding: Deciding[] = []
let abandonedCount = 0
let logged: string[] = []

const session = (
  fields: Partial<Extract<Admission, { kind: 'session' }>> = {},
): Extract<Admission, { kind: 'session' }> => ({
  kind: 'session',
  abandoned: () => {
    abandonedCount++
  },
  start: (outbox, inflow) => {
    const started = new KeepingSession(outbox, inflow)
    sessions.push(started)
    return started
  },
  ...fields,
})

const refused = (fields: object): Admission => ({
  kind: 'refused_frame',
  refusal: 'credential_invalid',
  frame: undefined,
  closeCode: 4001,
  ...fields,
})

const ANSWERS: Readonly<Record<string, () => Admission | Promise<Admission>>> = {
  '/now': () => session(),
  '/later': () => {
    const next = Promise.withResolvers<Admission>()
    deciding.push(next)
    return next.promise
  },
  '/named': () => Promise.resolve(session({ subprotocol: 'access_token' })),
  '/pinged': () => session({ isPinged: true }),
  '/large': () => session({ frameBytesMax: LARGE_FRAME_BYTES_MAX }),
  '/small': () => session({ frameBytesMax: 128 }),
  '/bug': () => {
    throw new Error('a bug')
  },
  '/later-bug': () => Promise.reject(new Error('a bug')),
  '/outage': () => {
    throw new Outage('store_locked', 'locked', { port: 'store' })
  },
  '/later-outage': () => Promise.reject(new Outage('store_locked', 'locked', { port: 'store' })),
  '/start-bug': () =>
    session({
      start: () => {
        throw new Error('a bug')
      },
    }),
  '/told': () => refused({ frame: 'why', subprotocol: 'access_token' }),
  '/held': () => refused({ holdMs: 10_000 }),
}

const protocol = {
  frameBytesMax: LARGE_FRAME_BYTES_MAX,
  admit: ({ path }: UpgradeRequest) => ANSWERS[path]?.(),
}

let skippedMs = 0
let retryAfterSeconds: number | undefined
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() + skippedMs }
const note = (event: string) => void logged.push(event)
const log = { debug: note, info: note, warn: note, error: note }
const tally = new Tally()
const pump = new Pump(16 * 1024 * 1024, { clock, tally, log })
const load = {
  refusal: () => (retryAfterSeconds === undefined ? undefined : { retryAfterSeconds }),
  retryAfterSeconds: () => retryAfterSeconds ?? 30,
}
const limits = {
  connectionCountMax: 100,
  webSocketFrameBytesMax: FRAME_BYTES_MAX,
  activityTimeoutMs: 120_000,
  pongTimeoutMs: 30_000,
}
const makeWebSockets = () =>
  new WebSockets(
    { limits, mqtt: { packetBytesMax: 1_024 } },
    {
      ...{ pump, clock, tally, log, load, writer: new TurnWriter() },
      router: plainRouter(protocol),
      guard: guardWorld(clock, ['connect.ip 100000/1m']).guard,
    },
  )
const webSockets = makeWebSockets()
const sockets: RawSocket[] = []
let server: Listener

function listen(served: WebSockets): Listener {
  const trustedProxies = new TrustedProxies([])
  const route = () => new Response('', { status: 404 })
  const deps = { route, webSockets: served, pathPrefix: '', trustedProxies, tally, log }
  return listenHttp({ address: { hostname: '127.0.0.1', port: 0 }, isShared: false }, deps)
}

beforeAll(() => {
  server = listen(webSockets)
})

beforeEach(() => {
  sessions = []
  deciding = []
  logged = []
  abandonedCount = 0
  retryAfterSeconds = undefined
})

afterAll(async () => {
  for (const { socket } of sockets) socket.destroy()
  await server.stop(true)
})

function knock(path: string, offers = '', port = server.port ?? 0): RawSocket {
  const socket = new RawSocket(port)
  sockets.push(socket)
  const offered = offers === '' ? '' : `Sec-WebSocket-Protocol: ${offers}\r\n`
  socket.write(`${upgradeRequest(path).slice(0, -2)}${offered}\r\n`)
  return socket
}

async function headOf(socket: RawSocket): Promise<string> {
  await until('an HTTP head', () => socket.text.includes('\r\n\r\n'))
  return socket.text
}

async function open(path: string) {
  const socket = knock(path)
  expect(await socket.status()).toBe(101)
  const started = await until('a session', () => sessions.at(-1))
  return { socket, session: started }
}

async function closeOf(socket: RawSocket): Promise<{ code: number; reason: string }> {
  const close = await until('a close', () => socket.frames().find(({ opcode }) => opcode === 8))
  return { code: close.payload.readUInt16BE(), reason: close.payload.subarray(2).toString() }
}

describe('an admission that takes a while', () => {
  test('is a connection like any other once it is decided', async () => {
    const socket = knock('/later')
    const next = await until('the question', () => deciding[0])
    expect(socket.text).toBe('')
    next.resolve(session())
    expect(await socket.status()).toBe(101)
    socket.write(frameBytes({ opcode: 1, payload: 'hello' }))
    await until('a message', () => sessions[0]?.received[0] === 'hello')
    sessions[0]?.outbox.send('answer')
    await until('the answer', () => socket.texts()[0] === 'answer')
    expect(abandonedCount).toBe(0)
  })

  test.each(['destroy', 'resetAndDestroy', 'end'] as const)(
    'is abandoned where the client went away meanwhile (%s)',
    async (how) => {
      const openBefore = tally.connectionsOpen
      const socket = knock('/later')
      const next = await until('the question', () => deciding[0])
      socket.socket[how]()
      await until('the end of the socket', () => socket.socket.destroyed)
      // The server has seen the end once it answers what came after it.
      expect(await knock('/nowhere').status()).toBe(404)
      next.resolve(session())
      await until('it is abandoned', () => abandonedCount === 1)
      expect(tally.connectionsOpen).toBe(openBefore)
      expect(sessions.every(({ closedCount }) => closedCount === 0)).toBe(true)
    },
  )

  test('is unavailable where nobody decides in time, and abandoned later', async () => {
    const socket = knock('/later')
    const next = await until('the question', () => deciding[0])
    skippedMs += PENDING_MS_MAX
    webSockets.tick()
    expect(await socket.status()).toBe(503)
    next.resolve(session())
    await until('it is abandoned', () => abandonedCount === 1)
    expect(sessions).toEqual([])
  })

  test('is refused where the server fills up or goes away meanwhile', async () => {
    const full = knock('/later')
    const first = await until('the question', () => deciding[0])
    retryAfterSeconds = 33
    first.resolve(session())
    expect(await headOf(full)).toMatch(/^HTTP\/1\.1 503 .*\r\nretry-after: 33\r\n/is)
    retryAfterSeconds = undefined
    const leaving = makeWebSockets()
    const other = listen(leaving)
    const late = knock('/later', '', other.port ?? 0)
    const second = await until('the question', () => deciding[1])
    leaving.refuseNew()
    second.resolve(session())
    expect(await late.status()).toBe(503)
    expect(abandonedCount).toBe(2)
    await other.stop(true)
  })
})

describe('what fails costs its own request', () => {
  test.each([
    ['/bug', 500, 'http_bug'],
    ['/later-bug', 500, 'http_bug'],
    ['/start-bug', 500, 'http_bug'],
    ['/outage', 503, 'http_outage'],
    ['/later-outage', 503, 'http_outage'],
  ] as const)('%s is answered with %i and logged', async (path, status, event) => {
    expect(await knock(path).status()).toBe(status)
    expect(logged).toEqual([event])
    expect(abandonedCount).toBe(path === '/start-bug' ? 1 : 0)
    expect(await knock('/now').status()).toBe(101)
  })
})

describe('the answer', () => {
  test('names exactly the subprotocol that was accepted, never what else was offered', async () => {
    const head = await headOf(knock('/named', 'access_token, eyJh.eyJz.c2ln'))
    expect(head).toStartWith('HTTP/1.1 101 ')
    expect(head.match(/^sec-websocket-protocol:.*$/gim)).toHaveLength(1)
    expect(head).toMatch(/^sec-websocket-protocol: access_token\r$/im)
    expect(head).not.toContain('eyJh')
    expect(head).toMatch(/^x-content-type-options: nosniff\r$/im)
  })

  test('of a refusal in a frame names it too', async () => {
    const socket = knock('/told', 'access_token, eyJh.eyJz.c2ln')
    const head = await headOf(socket)
    expect(head).toMatch(/^sec-websocket-protocol: access_token\r$/im)
    expect(head).not.toContain('eyJh')
    await socket.status()
    expect((await closeOf(socket)).code).toBe(4001)
    expect(socket.texts()).toEqual(['why'])
  })

  test('to one who offers what nobody accepts is no upgrade, and what was taken is given back', async () => {
    expect(await knock('/now', 'access_token').status()).toBe(400)
    expect(abandonedCount).toBe(1)
  })
})

test('an overloaded node sends new ones away and keeps those it has', async () => {
  const old = await open('/now')
  retryAfterSeconds = 37
  const head = await headOf(knock('/now'))
  expect(head).toMatch(/^HTTP\/1\.1 503 .*\r\nretry-after: 37\r\n/is)
  old.socket.write(frameBytes({ opcode: 1, payload: 'still here' }))
  await until('a message', () => old.session.received[0] === 'still here')
})

test('a refusal that is held is closed when its time has come, and at a drain', async () => {
  const socket = knock('/held')
  expect(await socket.status()).toBe(101)
  await until('it is counted', () => tally.protocols.pusher < tally.connectionsOpen)
  webSockets.tick()
  expect(socket.frames()).toEqual([])
  skippedMs += 10_000
  webSockets.tick()
  expect((await closeOf(socket)).code).toBe(4001)
  const drained = knock('/held')
  expect(await drained.status()).toBe(101)
  await until('it is closed', () => {
    webSockets.endSome(100)
    return drained.frames().some(({ opcode }) => opcode === 8)
  })
  expect((await closeOf(drained)).code).toBe(4001)
})

describe('frames', () => {
  test.each([
    ['/large', LARGE_FRAME_BYTES_MAX],
    ['/now', FRAME_BYTES_MAX],
    ['/small', 128],
  ] as const)('of %s may have %i bytes and not one more', async (path, bytesMax) => {
    const { socket, session: started } = await open(path)
    socket.write(frameBytes({ opcode: 2, payload: 'x'.repeat(bytesMax) }))
    await until('a message', () => started.received.length === 1)
    socket.write(frameBytes({ opcode: 2, payload: 'x'.repeat(bytesMax + 1) }))
    await until(
      'the end',
      () => socket.frames().some(({ opcode }) => opcode === 8) || socket.isClosed,
    )
    expect(started.received).toHaveLength(1)
    await until('the session ends', () => started.closedCount === 1)
  })
})

describe('pings of the transport', () => {
  const pingsOf = (socket: RawSocket) => socket.frames().filter(({ opcode }) => opcode === 9).length
  const pass = (ms: number) => {
    skippedMs += ms
    webSockets.tick()
  }

  test('end a session whose client leaves two of them unanswered', async () => {
    const { socket, session: started } = await open('/pinged')
    pass(30_000)
    await until('a ping', () => pingsOf(socket) === 1)
    pass(30_000)
    await until('one more', () => pingsOf(socket) === 2)
    expect(started.ends).toEqual([])
    pass(30_000)
    expect(started.ends).toEqual(['pong_missing'])
  })

  test('go on while they are answered, and while nothing is read', async () => {
    const { socket, session: started } = await open('/pinged')
    for (let count = 1; count <= 5; count++) {
      pass(30_000)
      await until('a ping', () => pingsOf(socket) === count)
      socket.write(frameBytes({ opcode: 10 }))
      socket.write(frameBytes({ opcode: 1, payload: String(count) }))
      await until('it was read', () => started.received.length === count)
    }
    started.inflow.pause()
    for (let count = 0; count < 5; count++) pass(30_000)
    started.inflow.resume()
    expect(pingsOf(socket)).toBe(5)
    expect(started.ends).toEqual([])
  })

  test('are sent to nobody whose session did not ask for them', async () => {
    const { socket, session: started } = await open('/now')
    for (let count = 0; count < 4; count++) pass(30_000)
    socket.write(frameBytes({ opcode: 1, payload: 'x' }))
    await until('it was read', () => started.received.length === 1)
    expect(pingsOf(socket)).toBe(0)
  })
})

test('connections are counted by what they speak, and refused ones by none', async () => {
  const [before, openBefore] = [tally.protocols.pusher, tally.connectionsOpen]
  const { socket } = await open('/now')
  const held = knock('/held')
  expect(await held.status()).toBe(101)
  await until('both are open', () => tally.connectionsOpen === openBefore + 2)
  expect(tally.protocols.pusher).toBe(before + 1)
  socket.socket.destroy()
  held.socket.destroy()
  await until('both are gone', () => tally.connectionsOpen === openBefore)
  expect(tally.protocols.pusher).toBe(before)
})
