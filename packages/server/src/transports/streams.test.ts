/** Connections over TCP: admission, what comes in, what leaves, and every way to end. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { RawClient, streamWorld } from '../../../../test/support/stream-world.ts'
import { until } from '../../../../test/support/wait.ts'
import { Outage } from '../ports/outage.ts'
import { FIRST_BYTE_MS_MAX, type StreamListener } from './streams.ts'

const ADDRESS = { hostname: '127.0.0.1', port: 0 }
const world = streamWorld()
let listener: StreamListener

beforeAll(() => {
  listener = world.streams.listen({ address: ADDRESS, isShared: false })
})

afterAll(() => {
  world.stop()
  listener.stop()
})

async function open(options: { readonly allowHalfOpen?: boolean } = {}) {
  let client: RawClient | undefined
  const session = await world.nextSession(() => {
    client = RawClient.to(listener.port, options)
  })
  if (client === undefined) throw new Error('no client')
  return { client, session }
}

describe('what comes in', () => {
  test('arrives whole and in order, one byte at a time', async () => {
    const { client, session } = await open()
    const sent = Buffer.from('a stream has no messages')
    for (const byte of sent) {
      client.socket.write(Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until('all bytes', () => session.receivedBytes.length === sent.length)
    expect(session.receivedBytes).toEqual(sent)
    client.socket.destroy()
  })

  test('arrives whole when it is ten megabytes at once', async () => {
    const { client, session } = await open()
    const sent = Buffer.alloc(10 * 1024 * 1024, 'seven b')
    client.socket.write(sent)
    await until('all bytes', () => session.receivedBytes.length === sent.length)
    expect(session.receivedBytes.equals(sent)).toBeTrue()
    expect(world.tally.transports.tcp.bytesReceived).toBeGreaterThanOrEqual(sent.length)
    client.socket.destroy()
  })

  test('comes from the peer itself', async () => {
    const { client, session } = await open()
    expect(session.connection?.source()).toEqual({ ip: '127.0.0.1', agent: '' })
    expect(session.connection?.isTls).toBeFalse()
    client.socket.destroy()
  })

  test('is not read while the session holds it back', async () => {
    const { client, session } = await open()
    session.inflow.pause()
    client.socket.write('held')
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(session.received).toEqual([])
    session.inflow.resume()
    await until('what was held', () => session.receivedBytes.toString() === 'held')
    client.socket.destroy()
  })
})

describe('what leaves', () => {
  test('leaves in order and in one write for each turn', async () => {
    const { client, session } = await open()
    for (const frame of ['one ', 'two ', 'three']) session.outbox.send(Buffer.from(frame))
    await until('all frames', () => client.text === 'one two three')
    expect(client.chunks).toHaveLength(1)
    client.socket.destroy()
  })

  test('is all written before a close, the last frame too', async () => {
    const { client, session } = await open()
    const sent = Buffer.alloc(600_000, 'x')
    session.outbox.send(sent)
    session.outbox.close(0, '', Buffer.from('last'))
    session.outbox.send(Buffer.from('never'))
    await until('the end', () => client.hasEnded)
    expect(client.bytes.equals(Buffer.concat([sent, Buffer.from('last')]))).toBeTrue()
    expect(session.closedCount).toBe(1)
    await until('the close', () => client.isClosed)
    expect(client.failure).toBeUndefined()
  })
})

describe('a connection ends', () => {
  test('when the peer goes away, and the session is told once', async () => {
    const { client, session } = await open()
    const openBefore = world.tally.connectionsOpen
    client.socket.destroy()
    await until('the close', () => session.closedCount === 1)
    await until('the count', () => world.tally.connectionsOpen === openBefore - 1)
  })

  test('when the peer ends its side, after what is queued was written', async () => {
    const { client, session } = await open({ allowHalfOpen: true })
    session.onReceive = () => session.outbox.send(Buffer.from('answer'))
    client.socket.end('question')
    await until('the end', () => client.hasEnded)
    expect(client.text).toBe('answer')
    await until('the close', () => client.isClosed)
    expect(session.closedCount).toBe(1)
  })

  test('when it sends nothing at all, at a time of its own', async () => {
    const { client, session } = await open()
    const { client: other, session: otherSession } = await open()
    other.socket.write('x')
    await until('a byte', () => otherSession.received.length === 1)
    world.skip(FIRST_BYTE_MS_MAX)
    world.streams.tick()
    await until('the close', () => client.isClosed)
    expect(session.closedCount).toBe(1)
    expect(other.isClosed).toBeFalse()
    other.socket.destroy()
  })

  test('when its peer does not read the end of it, at a deadline', async () => {
    const { client, session } = await open({ allowHalfOpen: true })
    session.outbox.close(0, '', Buffer.from('last'))
    await until('the end', () => client.hasEnded)
    world.skip(2_500)
    await until('the reset', () => client.isClosed || client.failure !== undefined)
  })
})

describe('what a session throws', () => {
  test('costs this connection only, if it is a bug', async () => {
    const { client, session } = await open()
    const { client: other, session: otherSession } = await open()
    session.onReceive = () => {
      throw new Error('a bug')
    }
    const bugsBefore = world.tally.bugs
    client.socket.write('x')
    await until('the close', () => client.isClosed)
    expect(world.tally.bugs).toBe(bugsBefore + 1)
    expect(world.logged).toContain('session_bug')
    other.socket.write('y')
    await until('the other one', () => otherSession.receivedBytes.toString() === 'y')
    other.socket.destroy()
  })

  test('is told to the client as unavailable, if it is an outage', async () => {
    const { client, session } = await open()
    session.onReceive = () => {
      throw new Outage('broker_unavailable', 'inside', { port: 'broker' })
    }
    client.socket.write('x')
    await until('the end', () => client.hasEnded)
    expect(client.text).toBe('bye unavailable')
  })
})

describe('a connection is refused before anything is read', () => {
  const refusing = (options: Parameters<typeof streamWorld>[0]) => {
    const other = streamWorld(options)
    const listening = other.streams.listen({ address: ADDRESS, isShared: false })
    const attempt = async () => {
      const client = RawClient.to(listening.port)
      client.socket.write('CONNECT')
      await until('an answer', () => client.isClosed || other.sessions.length > 0)
      return client
    }
    const stop = () => {
      other.stop()
      listening.stop()
    }
    return { ...other, attempt, port: listening.port, stop }
  }

  test('when one address knocks too often', async () => {
    const it = refusing({ limits: ['connect.ip 1/1m'] })
    await it.attempt()
    const second = RawClient.to(it.port)
    await until('the refusal', () => second.isClosed)
    expect(it.sessions).toHaveLength(1)
    expect(it.tally.refusals.get('rate_limited')).toBe(1)
    it.stop()
  })

  test('when there is no place left', async () => {
    const it = refusing({ connectionCountMax: 0 })
    expect((await it.attempt()).isClosed).toBeTrue()
    expect(it.tally.refusals.get('overloaded')).toBe(1)
    expect(it.tally.connectionsOpen).toBe(0)
    it.stop()
  })

  test('when the server goes away', async () => {
    const it = refusing({})
    it.streams.refuseNew()
    expect((await it.attempt()).isClosed).toBeTrue()
    expect(it.tally.refusals.get('draining')).toBe(1)
    it.stop()
  })

  test('when the protocol says so', async () => {
    const it = refusing({ admit: () => ({ kind: 'refused', refusal: 'app_disabled' }) })
    expect((await it.attempt()).isClosed).toBeTrue()
    expect(it.tally.refusals.get('app_disabled')).toBe(1)
    expect(it.sessions).toEqual([])
    it.stop()
  })
})
