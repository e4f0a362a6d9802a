/** Readers of every speed: what each gets, who is told, and who is cut. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { KeepingSession, RawClient, streamWorld } from '../../../../test/support/stream-world.ts'
import { until } from '../../../../test/support/wait.ts'
import { Tally } from '../core/tally.ts'
import { LAG_BYTES, LAG_MS_MAX, STALL_MS_MAX } from './outbox.ts'
import { Pump } from './pump.ts'
import { StreamOutbox } from './stream-outbox.ts'
import type { StreamListener } from './streams.ts'
import { TurnWriter } from './turn-writer.ts'

const OUTBOX_BYTES_MAX = 16 * 1024 * 1024
const world = streamWorld({ outboxBytesMax: OUTBOX_BYTES_MAX })
let listener: StreamListener

beforeAll(() => {
  listener = world.streams.listen({
    address: { hostname: '127.0.0.1', port: 0 },
    isShared: false,
  })
})

afterAll(() => {
  world.stop()
  listener.stop()
  expect(world.tally.backlogBytes).toBe(0)
  expect(world.tally.bugs).toBe(0)
})

async function open() {
  let client: RawClient | undefined
  const session = await world.nextSession(() => {
    client = RawClient.to(listener.port)
  })
  if (client === undefined) throw new Error('no client')
  await until('the connection', () => client?.socket.readyState === 'open')
  return { client, session }
}

/** Numbered, so that a gap or a repetition shows. */
function frameOf(number: number, bytes: number): Buffer {
  return Buffer.from(`${String(number)}:`.padEnd(bytes - 1, '.').concat('\n'))
}

/** Sends until the system takes no more and the reader lags. @returns what was sent. */
async function sendUntilLagging(session: KeepingSession, frameBytes = 16_000): Promise<Buffer> {
  const sent: Buffer[] = []
  await until('a reader that lags', () => {
    for (let count = 0; count < 20; count++) {
      const frame = frameOf(sent.length, frameBytes)
      sent.push(frame)
      session.outbox.send(frame)
    }
    return world.pump.lagging.size > 0
  })
  return Buffer.concat(sent)
}

describe('a reader that stops', () => {
  test('and comes back has lost nothing, and its session is told of room once', async () => {
    const { client, session } = await open()
    client.socket.pause()
    const sent = [await sendUntilLagging(session)]
    let number = 1_000_000
    while (session.outbox.hasRoom) {
      const frame = frameOf(number++, 100)
      sent.push(frame)
      session.outbox.send(frame)
      if (number % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const all = Buffer.concat(sent)
    client.socket.resume()
    await until('all of it', () => client.bytes.length === all.length)
    expect(client.bytes.equals(all)).toBeTrue()
    await until('room', () => session.writableCount === 1)
    expect(session.outbox.hasRoom).toBeTrue()
    await until('nobody lags', () => world.pump.lagging.size === 0)
    session.outbox.send(Buffer.from('after'))
    await until('the next one', () => client.text.endsWith('after'))
    client.socket.destroy()
  })

  test('is cut after a time, told so at the end of a frame, and its neighbour is not held up', async () => {
    const { client, session } = await open()
    const { client: neighbour, session: other } = await open()
    client.socket.pause()
    const cutsBefore = world.tally.slowConsumers
    const sent = await sendUntilLagging(session)
    other.outbox.send(Buffer.from('for the neighbour'))
    await until('the neighbour', () => neighbour.text === 'for the neighbour')
    world.skip(STALL_MS_MAX)
    world.pump.check()
    expect(session.ends).toEqual(['slow_consumer'])
    expect(world.tally.slowConsumers).toBe(cutsBefore + 1)
    expect(session.closedCount).toBe(1)
    client.socket.resume()
    await until('the end', () => client.hasEnded)
    const [read, words] = [client.bytes, 'bye slow_consumer']
    expect(read.subarray(-words.length).toString()).toBe(words)
    const whole = read.subarray(0, -words.length)
    expect(whole.length).toBeLessThan(sent.length)
    expect(whole.equals(sent.subarray(0, whole.length))).toBeTrue()
    expect(whole.at(-1)).toBe(10) // the last frame is whole
    neighbour.socket.destroy()
  })

  test('and never comes back is let go of at a deadline', async () => {
    const { client, session } = await open()
    client.socket.pause()
    await sendUntilLagging(session)
    const openBefore = world.tally.connectionsOpen
    world.skip(STALL_MS_MAX)
    world.pump.check()
    expect(world.tally.connectionsOpen).toBe(openBefore)
    world.skip(STALL_MS_MAX)
    await until('the reset', () => world.tally.connectionsOpen === openBefore - 1)
    client.socket.destroy()
  })

  test('is cut when more waits than may, however soon that is', async () => {
    const { client, session } = await open()
    client.socket.pause()
    const frame = Buffer.alloc(1024 * 1024, 'x')
    for (let sent = 0; sent <= 2 * OUTBOX_BYTES_MAX; sent += frame.length)
      session.outbox.send(frame)
    expect(session.ends).toEqual([]) // never inside of what it does
    await until('the cut', () => session.ends.length === 1)
    expect(session.ends).toEqual(['slow_consumer'])
    client.socket.destroy()
  })
})

describe('a reader that sips', () => {
  test('gets everything, as long as it is not behind for too long', async () => {
    const { client, session } = await open()
    client.socket.pause()
    const sent = await sendUntilLagging(session)
    const sip = setInterval(() => {
      client.socket.resume()
      setTimeout(() => client.socket.pause(), 1)
    }, 10)
    await until('all of it', () => client.bytes.length === sent.length)
    clearInterval(sip)
    expect(client.bytes.equals(sent)).toBeTrue()
    expect(session.ends).toEqual([])
    client.socket.destroy()
  })

  test('but is always behind is cut in the end, and not before', () => {
    let nowMs = 0
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs }
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const tally = new Tally()
    const pump = new Pump(OUTBOX_BYTES_MAX, { clock, tally, log })
    let room = 0
    const write = (bytes: Uint8Array) => {
      const taken = Math.min(room, bytes.byteLength)
      room -= taken
      return taken
    }
    const nothing = () => {}
    const rest = { end: nothing, terminate: nothing, pause: nothing, resume: nothing }
    const writer = new TurnWriter()
    const ports = { pump, writer, holds: writer.holds, traffic: tally.transports.tcp }
    const socket = { write, shutdown: nothing, ...rest }
    const outbox = new StreamOutbox(socket, ports, Number.POSITIVE_INFINITY)
    const session = new KeepingSession(outbox, outbox)
    outbox.session = session
    outbox.send(Buffer.alloc(2 * LAG_BYTES))
    for (; nowMs < LAG_MS_MAX; nowMs += STALL_MS_MAX - 1) {
      room = 1
      pump.check()
      expect(session.ends).toEqual([])
      expect(tally.laggingConnections).toBe(1)
    }
    room = 1
    pump.check()
    expect(session.ends).toEqual(['slow_consumer'])
    expect(tally.slowConsumers).toBe(1)
  })
})

describe('a burst', () => {
  test('of ten megabytes in one turn reaches a reader that keeps up whole', async () => {
    const { client, session } = await open()
    const sent = Array.from({ length: 10_000 }, (_, number) => frameOf(number, 1_000))
    for (const frame of sent) session.outbox.send(frame)
    await until('all of it', () => client.bytes.length === 10_000_000)
    expect(client.bytes.equals(Buffer.concat(sent))).toBeTrue()
    client.socket.destroy()
  })

  test('holds its sender back until a reader has caught up, so that there is always room', async () => {
    const { client: sender, session: from } = await open()
    const { client: reader, session: to } = await open()
    let refusedCount = 0
    from.onReceive = (frame) => {
      if (to.outbox.hasRoom) to.outbox.send(frame)
      else refusedCount++
    }
    const slow = setInterval(() => {
      reader.socket.pause()
      setTimeout(() => reader.socket.resume(), 4)
    }, 8)
    const sent = Buffer.alloc(40 * 1024 * 1024, 'seven b')
    sender.socket.write(sent)
    await until(
      'all of it',
      () => reader.chunks.reduce((sum, each) => sum + each.length, 0) === sent.length,
    )
    clearInterval(slow)
    expect(refusedCount).toBe(0)
    expect(reader.bytes.equals(sent)).toBeTrue()
    for (const each of [sender, reader]) each.socket.destroy()
  })

  test('does not hold its sender back for a reader that does not read', async () => {
    const { client: sender, session: from } = await open()
    const { client: reader, session: to } = await open()
    reader.socket.pause()
    await sendUntilLagging(to)
    from.onReceive = (frame) => {
      if (to.outbox.hasRoom) to.outbox.send(frame)
    }
    world.skip(1_000) // Its last progress is that long ago.
    const sent = Buffer.alloc(8 * 1024 * 1024, 'x')
    sender.socket.write(sent)
    await until('all of it', () => from.receivedBytes.length === sent.length)
    for (const each of [sender, reader]) each.socket.destroy()
  })
})

describe('many readers of the same frames', () => {
  test('2,000 of them that join and leave get exactly what was sent in between', async () => {
    const members = new Map<KeepingSession, { client: RawClient; expected: Buffer[] }>()
    const connectSome = async (count: number) => {
      const from = world.sessions.length
      const clients = Array.from({ length: count }, () => RawClient.to(listener.port))
      const sessions = await until('sessions', () => {
        const made = world.sessions.slice(from)
        return made.length === count && made
      })
      // They come in no order: each says who it is.
      for (const [index, client] of clients.entries()) client.socket.write(`${index};`)
      await until('names', () => sessions.every(({ receivedBytes }) => receivedBytes.includes(';')))
      for (const session of sessions) {
        const client = clients[Number.parseInt(session.receivedBytes.toString(), 10)]
        if (client !== undefined) members.set(session, { client, expected: [] })
      }
    }
    const publish = (number: number) => {
      const frame = frameOf(number, 60)
      for (const [session, { expected }] of members) {
        session.outbox.send(frame)
        expected.push(frame)
      }
    }
    const left: { client: RawClient; expected: Buffer[]; session: KeepingSession }[] = []
    for (let round = 0; round < 10; round++) {
      await connectSome(200)
      for (let number = 0; number < 20; number++) publish(round * 20 + number)
      for (const [session, { client, expected }] of [...members].slice(0, 100)) {
        members.delete(session)
        left.push({ session, client, expected })
        session.outbox.close(0, '', Buffer.from('left'))
      }
    }
    for (const { client, expected } of left) {
      await until('the end', () => client.hasEnded)
      expect(client.text).toBe(`${Buffer.concat(expected).toString()}left`)
    }
    for (const { client, expected } of members.values()) {
      const text = Buffer.concat(expected).toString()
      await until('all frames', () => client.text.length === text.length)
      expect(client.text).toBe(text)
      client.socket.destroy()
    }
  }, 60_000)

  test('get each its own order, whatever is sent to whom in one turn', async () => {
    const three = [await open(), await open(), await open()]
    const frames = Array.from({ length: 6 }, (_, number) => frameOf(number, 40))
    const sends = fc.array(fc.tuple(fc.nat(2), fc.nat(5)), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(sends, async (calls) => {
        const expected = three.map(({ client }) => [client.bytes])
        for (const [reader, number] of calls) {
          const frame = frames[number] ?? Buffer.alloc(0)
          three[reader]?.session.outbox.send(frame)
          expected[reader]?.push(frame)
        }
        for (const [reader, { client }] of three.entries()) {
          const wanted = Buffer.concat(expected[reader] ?? [])
          await until('its frames', () => client.bytes.length >= wanted.length)
          expect(client.bytes.equals(wanted)).toBeTrue()
        }
      }),
      { numRuns: 50 },
    )
    for (const { client } of three) client.socket.destroy()
  })
})

test('a reader has room until it lags', async () => {
  const { client, session } = await open()
  expect(session.outbox.hasRoom).toBeTrue()
  session.outbox.send(Buffer.alloc(LAG_BYTES))
  expect(session.outbox.hasRoom).toBeTrue()
  client.socket.destroy()
})
