/**
 * Fan-out over real sockets: nothing lost, doubled or reordered for anyone who stays connected,
 * whatever the burst; who does not read is cut and counted, and holds nobody else up.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { guardWorld } from '../../../../test/support/guard-world.ts'
import { UNLOADED } from '../../../../test/support/load-world.ts'
import { plainRouter } from '../../../../test/support/plain-router.ts'
import { Tally } from '../core/tally.ts'
import type { FanoutGroup, Outbox } from '../ports/fanout.ts'
import type { WebSocketProtocol } from '../sessions/session.ts'
import { TrustedProxies } from '../http/client-address.ts'
import { listenHttp } from './http.ts'
import { Pump } from './pump.ts'
import { SLICE_SOCKET_COUNT_MAX } from './slice.ts'
import type { Listener } from './socket.ts'
import { TurnWriter } from './turn-writer.ts'
import { WebSockets } from './websocket.ts'

/** Far less than the bursts below: reading at all has to be enough. */
const OUTBOX_BYTES_MAX = 4 * 1024 * 1024
const WAIT_MS_MAX = 20_000

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() }
const log = {
  debug() {},
  info() {},
  warn() {},
  error: (_event: string, error: unknown) => bugs.push(error),
}
const bugs: unknown[] = []
const tally = new Tally()
const pump = new Pump(OUTBOX_BYTES_MAX, { clock, tally, log })
/** Outboxes by the path their client connected to. */
const opened = new Map<string, Outbox>()
const ended: string[] = []
let server: Listener
let checks: ReturnType<typeof setInterval>

/** A protocol that only collects outboxes; a session of it ends with 4100. */
const collecting: WebSocketProtocol = {
  admit: ({ path }) => ({
    kind: 'session',
    start: (outbox) => ({
      open: () => void opened.set(path, outbox),
      receive() {},
      heard() {},
      tick: () => Number.POSITIVE_INFINITY,
      end: (refusal) => {
        ended.push(refusal)
        outbox.close(4100, refusal)
      },
      closed() {},
    }),
  }),
}

beforeAll(() => {
  const limits = {
    connectionCountMax: 10_000,
    webSocketFrameBytesMax: 65_536,
    activityTimeoutMs: 120_000,
    pongTimeoutMs: 30_000,
  }
  const webSockets = new WebSockets(
    { limits, mqtt: { packetBytesMax: 1_024 } },
    {
      ...{ pump, writer: new TurnWriter(), clock, tally, log, router: plainRouter(collecting) },
      load: UNLOADED,
      guard: guardWorld(clock, ['connect.ip 100000/1m']).guard,
    },
  )
  const route = () => new Response('')
  const trustedProxies = new TrustedProxies([])
  const deps = { route, webSockets, pathPrefix: '', trustedProxies, tally, log }
  server = listenHttp({ address: { hostname: '127.0.0.1', port: 0 }, isShared: false }, deps)
  checks = setInterval(() => pump.check(), 50)
})

afterAll(async () => {
  clearInterval(checks)
  await server.stop(true)
  expect(bugs).toEqual([])
})

describe('a burst', () => {
  test('of 26 MB in one turn reaches a healthy reader whole and in order', async () => {
    const group = pump.createGroup()
    const reader = await connect()
    group.join(reader.outbox)
    const filler = 'x'.repeat(65_000)
    for (let index = 0; index < 400; index++) group.publish(`${index}:${filler}`)
    await until(() => reader.received.length === 400, 'all 400 frames')
    expect(reader.received.map(sequenceOf)).toEqual(range(400))
    expect(reader.closed).toBeUndefined()
    expect(tally.pendingFrameBytes).toBe(0)
    reader.close()
  })

  test('reaches every socket of a group of several slices but the excepted one', async () => {
    const group = pump.createGroup()
    const readers = await Promise.all(range(SLICE_SOCKET_COUNT_MAX + 200).map(connect))
    for (const reader of readers) group.join(reader.outbox)
    const except = readers[SLICE_SOCKET_COUNT_MAX + 50]
    for (let index = 0; index < 40; index++) {
      group.publish(String(index), index % 2 === 0 ? except?.outbox : undefined)
    }
    await until(() => readers.every((one) => one === except || one.received.length === 40), 'all')
    for (const reader of readers) {
      const expected = reader === except ? range(40).filter((n) => n % 2 === 1) : range(40)
      expect(reader.received.map(Number)).toEqual(expected)
    }
    for (const reader of readers) reader.close()
  })
})

describe('membership', () => {
  test('gets exactly the frames published between join and leave, for any order of calls', async () => {
    const readers = await Promise.all(range(4).map(connect))
    const step = fc.record({
      who: fc.nat(3),
      what: fc.constantFrom('join', 'leave', 'publish', 'turn'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(2), async (steps, size) => {
        const group = pump.createGroup()
        const model = readers.map(() => ({ isIn: false, expected: [] as number[] }))
        for (const reader of readers) reader.received.length = 0
        let sequence = 0
        for (const { who, what } of steps) {
          const [reader, state] = [readers[who], model[who]]
          if (reader === undefined || state === undefined) throw new Error('no such reader')
          if (what === 'turn') await nextTurn()
          else if (what === 'publish') {
            for (const one of model) if (one.isIn) one.expected.push(sequence)
            group.publish(`${sequence++}:${'y'.repeat(size * 300_000)}`)
          } else {
            // A member that leaves may miss what its group had not written yet, so let that go out
            // first.
            if (what === 'leave') await until(() => tally.pendingFrameBytes === 0, 'an empty queue')
            state.isIn = what === 'join'
            group[what](reader.outbox)
          }
        }
        await until(
          () =>
            readers.every((one, at) => one.received.length >= (model[at]?.expected.length ?? 0)),
          'every expected frame',
        )
        expect(readers.map((one) => one.received.map(sequenceOf))).toEqual(
          model.map(({ expected }) => expected),
        )
        for (const reader of readers) group.leave(reader.outbox)
      }),
      { numRuns: 60 },
    )
    for (const reader of readers) reader.close()
  })
})

describe('a reader that stops', () => {
  test('and comes back in time has lost nothing and is back on the shared path', async () => {
    const group = pump.createGroup()
    const slow = await connectRaw()
    group.join(slow.outbox)
    const filler = 'z'.repeat(60_000)
    slow.pause()
    for (let index = 0; index < 300; index++) group.publish(`${index}:${filler}`)
    await until(() => pump.lagging.size === 1, 'the reader to lag')
    slow.resume()
    await until(() => pump.lagging.size === 0, 'the reader to catch up')
    group.publish('300:done')
    await until(() => slow.frames().length === 301, 'every frame')
    expect(slow.frames().map(sequenceOf)).toEqual(range(301))
    expect(ended).toEqual([])
    slow.end()
  })

  test('again and again, but reads, gets a burst far larger than its queue whole', async () => {
    const group = pump.createGroup()
    const sipping = await connectRaw({ sips: true })
    group.join(sipping.outbox)
    const filler = 'v'.repeat(60_000)
    for (let index = 0; index < 600; index++) group.publish(`${index}:${filler}`)
    await until(() => sipping.byteCount() > 600 * 60_000, 'the burst')
    expect(sipping.frames().map(sequenceOf)).toEqual(range(600))
    expect(ended).toEqual([])
    sipping.end()
  })

  test('is cut and counted, and its neighbour gets every frame', async () => {
    const group = pump.createGroup()
    const [stalled, healthy] = [await connectRaw(), await connect()]
    for (const { outbox } of [stalled, healthy]) group.join(outbox)
    stalled.pause()
    const cutsBefore = tally.slowConsumers
    let count = 0
    const publishSome = (group_: FanoutGroup) => {
      for (let index = 0; index < 20; index++) group_.publish(`${count++}:${'w'.repeat(60_000)}`)
    }
    await until(() => {
      if (pump.hasRoom() && count < 3_000 && healthy.received.length > count - 200)
        publishSome(group)
      return tally.slowConsumers === cutsBefore + 1
    }, 'the cut')
    await until(() => healthy.received.length === count, 'the neighbour to have everything')
    expect(healthy.received.map(sequenceOf)).toEqual(range(count))
    expect(ended.at(-1)).toBe('slow_consumer')
    await until(() => !pump.outboxes.has(stalled.outbox as never), 'the socket to be freed')
    expect(tally.backlogBytes).toBe(0)
    healthy.close()
    stalled.end()
  })
})

describe('a connection that is closed while its session is not told yet', () => {
  test('is sent what came before, its last frame and the close, and not a byte more', async () => {
    const group = pump.createGroup()
    const [closing, staying] = [await connectRaw(), await connect()]
    for (const one of [closing, staying]) group.join(one.outbox)
    pump.departures.hold()
    group.publish('before')
    closing.outbox.close(4009, 'gone', 'last')
    closing.outbox.send('sent after')
    group.publish('published after')
    // As when a publisher names the closed connection as the one to leave out.
    group.publish('published without it', closing.outbox)
    pump.departures.release()
    await until(() => staying.received.length === 3, 'all messages at the one that stays')
    expect(staying.received).toEqual(['before', 'published after', 'published without it'])
    await until(() => closing.closeCode() !== undefined, 'the close frame')
    await until(() => closing.isEnded(), 'the end of the connection')
    expect(closing.frames()).toEqual(['before', 'last'])
    expect(closing.closeCode()).toBe(4009)
    expect(group.size).toBe(1)
    staying.close()
  })

  test('that had not read everything still gets it in order before the close', async () => {
    const group = pump.createGroup()
    const slow = await connectRaw()
    group.join(slow.outbox)
    slow.pause()
    const filler = 'z'.repeat(64_000)
    for (let index = 0; index < 30; index++) slow.outbox.send(`${index}:${filler}`)
    slow.outbox.close(4009, 'gone', 'last')
    group.publish('after')
    slow.resume()
    await until(() => slow.isEnded(), 'the end of the connection')
    expect(slow.frames().slice(0, -1).map(sequenceOf)).toEqual(range(30))
    expect(slow.frames().at(-1)).toBe('last')
    expect(slow.closeCode()).toBe(4009)
  })
})

interface Reader {
  readonly outbox: Outbox
  readonly received: string[]
  closed: number | undefined
  close(): void
}

let pathCount = 0

async function connect(): Promise<Reader> {
  const path = `/${pathCount++}`
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`)
  const received: string[] = []
  let closed: number | undefined
  socket.onmessage = (event) => void received.push(String(event.data))
  socket.onclose = (event) => {
    closed = event.code
  }
  await until(() => opened.has(path) && socket.readyState === WebSocket.OPEN, 'the connection')
  return {
    outbox: outboxAt(path),
    received,
    get closed() {
      return closed
    },
    close: () => socket.close(),
  }
}

/** A WebSocket client on bare TCP, the only kind that can stop reading. */
async function connectRaw({ sips = false } = {}) {
  const path = `/${pathCount++}`
  const chunks: Buffer[] = []
  let isEnded = false
  const handshake = [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    '',
    '',
  ]
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port: server.port ?? 0,
    socket: {
      open: (opening) => void opening.write(handshake.join('\r\n')),
      data: (reading, data) => {
        chunks.push(Buffer.from(data))
        if (!sips) return
        reading.pause()
        setImmediate(() => reading.resume())
      },
      close: () => {
        isEnded = true
      },
    },
  })
  await until(() => opened.has(path), 'the connection')
  return {
    outbox: outboxAt(path),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.terminate(),
    byteCount: () => chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    isEnded: () => isEnded,
    frames: () => textFrames(Buffer.concat(chunks)),
    closeCode: () => framesOf(Buffer.concat(chunks), CLOSE)[0]?.readUInt16BE(0),
  }
}

const TEXT = 1
const CLOSE = 8

function textFrames(bytes: Buffer): string[] {
  return framesOf(bytes, TEXT).map((frame) => frame.toString('utf8'))
}

/** The frames of one kind after the handshake; the server never fragments or masks. */
function framesOf(bytes: Buffer, opcode: number): Buffer[] {
  const frames: Buffer[] = []
  let at = bytes.indexOf('\r\n\r\n') + 4
  while (at + 2 <= bytes.length) {
    const short = bytes.readUInt8(at + 1)
    const head = short === 127 ? 10 : short === 126 ? 4 : 2
    if (at + head > bytes.length) break
    const size =
      short === 127
        ? Number(bytes.readBigUInt64BE(at + 2))
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : short
    if (at + head + size > bytes.length) break
    if ((bytes.readUInt8(at) & 0x0f) === opcode) {
      frames.push(bytes.subarray(at + head, at + head + size))
    }
    at += head + size
  }
  return frames
}

function outboxAt(path: string): Outbox {
  const outbox = opened.get(path)
  if (outbox === undefined) throw new Error(`nobody connected to ${path}`)
  return outbox
}

function sequenceOf(frame: string): number {
  return Number(frame.slice(0, frame.indexOf(':')))
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

/** Waits for a condition turn by turn, and fails with what it waited for. */
async function until(isMet: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS_MAX
  while (!isMet()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await nextTurn()
  }
}
