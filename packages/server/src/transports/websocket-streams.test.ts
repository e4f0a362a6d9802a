/** Byte streams over WebSockets: the answer to subprotocols, frames that are cut anywhere, text. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { guardWorld } from '../../../../test/support/guard-world.ts'
import { UNLOADED } from '../../../../test/support/load-world.ts'
import { plainRouter } from '../../../../test/support/plain-router.ts'
import { frameBytes, RawSocket, upgradeRequest } from '../../../../test/support/raw-socket.ts'
import { KeepingSession } from '../../../../test/support/stream-world.ts'
import { until } from '../../../../test/support/wait.ts'
import { Tally } from '../core/tally.ts'
import { TrustedProxies } from '../http/client-address.ts'
import type { UpgradeRequest, WebSocketProtocol } from '../sessions/session.ts'
import { listenHttp } from './http.ts'
import type { SocketOutbox } from './outbox.ts'
import { Pump } from './pump.ts'
import type { Listener } from './socket.ts'
import { TurnWriter } from './turn-writer.ts'
import { WebSockets } from './websocket.ts'

const FRAME_BYTES_MAX = 4_096
const STREAM_FRAME_BYTES_MAX = 65_536
const sessions: KeepingSession[] = []
const paths: string[] = []

/** A protocol that is a stream, asked first; and one of messages, under `/messages`. */
const admitting = (
  carries: 'stream' | undefined,
  isMine: (request: UpgradeRequest) => boolean,
) => ({
  admit(request: UpgradeRequest) {
    if (!isMine(request)) return undefined
    paths.push(request.path)
    return {
      kind: 'session' as const,
      ...(carries === undefined ? {} : { carries, subprotocol: 'mqtt' }),
      start: (...[outbox, inflow]: ConstructorParameters<typeof KeepingSession>) => {
        const session = new KeepingSession(outbox, inflow)
        sessions.push(session)
        return session
      },
    }
  },
})
const protocols: WebSocketProtocol[] = [
  admitting('stream', ({ subprotocols }) => subprotocols.includes('mqtt')),
  admitting(undefined, ({ path }) => path === '/messages'),
]

let skippedMs = 0
const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() + skippedMs }
const log = { debug() {}, info() {}, warn() {}, error() {} }
const tally = new Tally()
const pump = new Pump(16 * 1024 * 1024, { clock, tally, log })
const limits = {
  connectionCountMax: 100,
  webSocketFrameBytesMax: FRAME_BYTES_MAX,
  activityTimeoutMs: 120_000,
  pongTimeoutMs: 30_000,
}
const { guard } = guardWorld(clock, ['connect.ip 100000/1m'])
const webSockets = new WebSockets(
  { limits, mqtt: { packetBytesMax: STREAM_FRAME_BYTES_MAX } },
  {
    ...{ pump, clock, tally, guard, log, router: plainRouter(...protocols) },
    writer: new TurnWriter(),
    load: UNLOADED,
  },
)
let server: Listener
const sockets: RawSocket[] = []

beforeAll(() => {
  const trustedProxies = new TrustedProxies([])
  const route = () => new Response('', { status: 404 })
  const deps = { route, webSockets, pathPrefix: '/realtime', trustedProxies, tally, log }
  server = listenHttp({ address: { hostname: '127.0.0.1', port: 0 }, isShared: false }, deps)
})

afterAll(async () => {
  for (const { socket } of sockets) socket.destroy()
  await server.stop(true)
})

/** @returns the head of the answer. */
async function knock(path: string, ...offers: readonly string[]) {
  const socket = new RawSocket(server.port ?? 0)
  sockets.push(socket)
  const offered = offers.map((offer) => `Sec-WebSocket-Protocol: ${offer}\r\n`).join('')
  const request = upgradeRequest(path)
  socket.write(`${request.slice(0, -2)}${offered}\r\n`)
  await until('an HTTP head', () => socket.text.includes('\r\n\r\n'))
  const head = socket.text
  return {
    socket,
    status: await socket.status(),
    subprotocol: /^sec-websocket-protocol: *(.*?)\r$/im.exec(head)?.[1],
  }
}

async function open() {
  const { socket } = await knock('/', 'mqtt')
  const session = await until('a session', () => sessions.at(-1))
  return { socket, session }
}

describe('the subprotocol', () => {
  test.each([
    [['mqtt'], 101, 'mqtt'],
    [['mqtt, x'], 101, 'mqtt'],
    [['x, mqtt'], 101, 'mqtt'],
    [['x', 'mqtt'], 101, 'mqtt'],
    [['x'], 404, undefined],
    [[], 404, undefined],
  ] as const)('offered as %j is answered with %i and %p', async (offers, status, subprotocol) => {
    expect(await knock('/', ...offers)).toMatchObject({ status, subprotocol })
  })

  test('is accepted on any path, with and without the prefix', async () => {
    for (const path of ['/', '/mqtt', '//', '//mqtt', '/realtime/mqtt', '/elsewhere?a=b']) {
      expect(await knock(path, 'mqtt')).toMatchObject({ status: 101, subprotocol: 'mqtt' })
    }
  })

  test('is asked for before any other protocol of the path', async () => {
    const messages = await knock('/realtime/messages')
    expect(messages).toMatchObject({ status: 101, subprotocol: undefined })
    const stream = await knock('/realtime/messages', 'mqtt')
    expect(stream).toMatchObject({ status: 101, subprotocol: 'mqtt' })
  })

  test('is refused where nobody accepts one', async () => {
    expect(await knock('/realtime/messages', 'x')).toMatchObject({ status: 400 })
  })
})

describe('frames of a stream', () => {
  test('are pieces of it, cut and joined anywhere', async () => {
    const { socket, session } = await open()
    const parts = ['one ', 't', '', 'wo three'].map((payload) => frameBytes({ opcode: 2, payload }))
    const bytes = Buffer.concat(parts)
    for (const byte of bytes) socket.write(Buffer.of(byte))
    await until('all of it', () => session.receivedBytes.toString() === 'one two three')
    socket.write(Buffer.concat([frameBytes({ opcode: 2, payload: 'fo', isFinal: false })]))
    socket.write(frameBytes({ opcode: 0, payload: 'ur' }))
    await until('the rest', () => session.receivedBytes.toString() === 'one two threefour')
  })

  test('that leave in one turn leave as one', async () => {
    const { socket, session } = await open()
    for (const frame of ['a', 'b', 'c']) session.outbox.send(Buffer.from(frame))
    await until('a frame', () => socket.frames().length > 0)
    expect(socket.frames().map(({ payload }) => payload.toString())).toEqual(['abc'])
    expect(socket.frames()[0]?.opcode).toBe(2)
  })

  test('are all sent before a close, the last one too', async () => {
    const { socket, session } = await open()
    session.outbox.send(Buffer.from('a'))
    session.outbox.close(1000, 'done', Buffer.from('z'))
    await until('the close', () => socket.frames().some(({ opcode }) => opcode === 8))
    expect(socket.frames().map(({ opcode, payload }) => `${opcode}${payload.toString()}`)).toEqual([
      '2az',
      `8${String.fromCharCode(3)}\u{FFFD}done`,
    ])
  })

  test('that are text close the connection [MQTT-6.0.0-1]', async () => {
    const { socket, session } = await open()
    socket.write(frameBytes({ opcode: 1, payload: 'text' }))
    await until('the close', () => socket.frames().some(({ opcode }) => opcode === 8))
    expect(socket.frames().at(-1)?.payload.readUInt16BE()).toBe(1003)
    expect(session.received).toEqual([])
    expect(session.closedCount).toBe(1)
  })

  test('may be larger than messages may, up to a bound of their own', async () => {
    const large = 'x'.repeat(FRAME_BYTES_MAX + 1)
    const { socket, session } = await open()
    socket.write(frameBytes({ opcode: 2, payload: large }))
    await until('all of it', () => session.receivedBytes.length === large.length)
    socket.write(frameBytes({ opcode: 2, payload: 'x'.repeat(STREAM_FRAME_BYTES_MAX + 1) }))
    await until('the close', () => socket.isClosed)
    expect(session.closedCount).toBe(1)
  })

  test('are not read while the session holds the client back', async () => {
    const { socket, session } = await open()
    session.inflow.pause()
    socket.write(frameBytes({ opcode: 2, payload: 'held' }))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(session.received).toEqual([])
    session.inflow.resume()
    await until('what was held', () => session.receivedBytes.toString() === 'held')
  })

  test('need not come: a client is asked for a pong, so that Bun does not give it up', async () => {
    const { socket } = await open()
    const pings = () => socket.frames().filter(({ opcode }) => opcode === 9).length
    skippedMs += limits.activityTimeoutMs
    webSockets.tick()
    await until('a ping', () => pings() === 1)
    webSockets.tick()
    skippedMs += limits.activityTimeoutMs
    webSockets.tick()
    await until('one more', () => pings() === 2)
  })
})

test('a burst holds its sender back until a reader has caught up', async () => {
  const { socket: sender, session: from } = await open()
  const { socket: reader, session: to } = await open()
  let refusedCount = 0
  let holdCount = 0
  const inflow = from.inflow as SocketOutbox
  const hold = inflow.hold.bind(inflow)
  inflow.hold = () => {
    holdCount++
    hold()
  }
  from.onReceive = (frame) => {
    if (to.outbox.hasRoom) to.outbox.send(frame)
    else refusedCount++
  }
  const slow = setInterval(() => {
    reader.socket.pause()
    setTimeout(() => reader.socket.resume(), 4)
  }, 8)
  const checks = setInterval(() => pump.check(), 50)
  const frame = frameBytes({ opcode: 2, payload: Buffer.alloc(32_768, 'x') })
  for (let sent = 0; sent < 1_000; sent++) sender.write(frame)
  await until('all of it', () => reader.byteCount > 1_000 * 32_768)
  clearInterval(slow)
  clearInterval(checks)
  expect(refusedCount).toBe(0)
  expect(holdCount).toBeGreaterThan(0)
}, 30_000)

test('a message over its bound is closed with 1009, although a stream might have it', async () => {
  const { socket } = await knock('/realtime/messages')
  const session = await until('a session', () => sessions.at(-1))
  socket.write(frameBytes({ opcode: 1, payload: 'ä'.repeat(FRAME_BYTES_MAX / 2) }))
  await until('a message', () => session.received.length === 1)
  socket.write(frameBytes({ opcode: 1, payload: `x${'ä'.repeat(FRAME_BYTES_MAX / 2)}` }))
  await until('the close', () => socket.frames().some(({ opcode }) => opcode === 8))
  expect(socket.frames().at(-1)?.payload.readUInt16BE()).toBe(1009)
  expect(session.received).toHaveLength(1)
})
