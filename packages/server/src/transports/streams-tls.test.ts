/** Connections over TLS: certificates of the server and of clients, and what is left at the end. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { makeAuthority, makeCertificate } from '../../../../test/support/certificate.ts'
import { RawClient, streamWorld } from '../../../../test/support/stream-world.ts'
import { until } from '../../../../test/support/wait.ts'
import { StartProblem } from '../ports/start-problem.ts'
import { FIRST_BYTE_MS_MAX } from './streams.ts'
import { TlsListener } from './tls.ts'

const authority = makeAuthority('devices')
const good = authority.issue('meter-7')
const foreign = makeAuthority('somebody else').issue('meter-7')
const home = mkdtempSync(join(tmpdir(), 'lockgate-streams-tls-'))
const certFile = join(home, 'cert.pem')
const keyFile = join(home, 'key.pem')
const clientCaFile = join(home, 'clients.pem')
const world = streamWorld({ outboxBytesMax: 8 * 1024 * 1024 })
const opened: TlsListener[] = []

beforeAll(() => {
  writePair('first')
  writeFileSync(clientCaFile, authority.cert)
})

afterAll(async () => {
  world.stop()
  for (const listener of opened) await listener.stop(true)
  rmSync(home, { recursive: true, force: true })
})

function writePair(name: string): void {
  const { cert, key } = makeCertificate(name, 'IP:127.0.0.1')
  writeFileSync(certFile, cert)
  writeFileSync(keyFile, key)
}

async function listen(
  clients: 'not asked' | 'optional' | 'required' = 'not asked',
): Promise<TlsListener> {
  const files = clients === 'not asked' ? {} : { clientCaFile }
  const isClientRequired = clients === 'required'
  const listener = await TlsListener.open(
    { hostname: '127.0.0.1', port: 0 },
    { certFile, keyFile, ...files },
    {
      listen: ({ tls, ...options }) =>
        world.streams.listen({ ...options, tls: { ...tls, isClientRequired } }),
      log: {
        debug() {},
        info: (event) => void world.logged.push(event),
        warn() {},
        error: (event) => void world.logged.push(event),
      },
    },
  )
  opened.push(listener)
  return listener
}

function dial(port: number, options: ConnectionOptions = {}): RawClient {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  return new RawClient(socket)
}

async function open(port: number, options: ConnectionOptions = {}) {
  let client: RawClient | undefined
  const session = await world.nextSession(() => {
    client = dial(port, options)
  })
  if (client === undefined) throw new Error('no client')
  return { client, session }
}

/** The name in the certificate that a new connection is shown. */
function presentedName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false }
    const socket = connect(options, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

describe('a stream over TLS', () => {
  test('carries ten megabytes both ways, whole and in order', async () => {
    const { client, session } = await open((await listen()).port)
    const sent = Buffer.alloc(10 * 1024 * 1024, 'seven b')
    client.socket.write(sent)
    await until('all of it', () => session.receivedBytes.length === sent.length)
    expect(session.receivedBytes.equals(sent)).toBeTrue()
    for (let at = 0; at < 5 * 1024 * 1024; at += 50_000) {
      session.outbox.send(sent.subarray(at, at + 50_000))
    }
    session.outbox.close(0, '', Buffer.from('last'))
    await until('the end', () => client.hasEnded)
    expect(client.bytes.subarray(-4).toString()).toBe('last')
    expect(
      client.bytes.subarray(0, -4).equals(sent.subarray(0, client.bytes.length - 4)),
    ).toBeTrue()
    expect(client.bytes.length).toBeGreaterThanOrEqual(5 * 1024 * 1024)
  })

  test('arrives whole, one byte at a time', async () => {
    const { client, session } = await open((await listen()).port)
    for (const byte of Buffer.from('bytes')) {
      client.socket.write(Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until('all bytes', () => session.receivedBytes.toString() === 'bytes')
    expect(session.connection?.isTls).toBeTrue()
    client.socket.destroy()
  })

  test('loses nothing to a reader that stops and comes back', async () => {
    const { client, session } = await open((await listen()).port)
    await until('the handshake', () => client.socket.readyState === 'open')
    client.socket.pause()
    const frames = Array.from({ length: 4_000 }, (_, n) => Buffer.from(`${n};`.padEnd(1_500, '.')))
    for (const frame of frames) session.outbox.send(frame)
    await until('it lags', () => world.pump.lagging.size > 0)
    expect(session.outbox.hasRoom).toBeFalse()
    client.socket.resume()
    await until('all of it', () => client.bytes.length === frames.length * 1_500)
    expect(client.bytes.equals(Buffer.concat(frames))).toBeTrue()
    await until('it was told of room', () => session.writableCount === 1)
    expect(session.outbox.hasRoom).toBeTrue()
    client.socket.destroy()
  })

  test('that never says hello is given up', async () => {
    const { port } = await listen()
    await until('nobody', () => world.tally.transports.tls.open === 0)
    const client = new RawClient(connectPlain({ port, host: '127.0.0.1' }))
    await until('a connection', () => world.tally.transports.tls.open === 1)
    world.skip(FIRST_BYTE_MS_MAX)
    world.streams.tick()
    await until('the close', () => client.isClosed)
    expect(world.tally.transports.tls.open).toBe(0)
  })

  test('that begins with something else harms nobody', async () => {
    const { port } = await listen()
    const client = new RawClient(connectPlain({ port, host: '127.0.0.1' }))
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    await until('the close', () => client.isClosed)
    expect(await presentedName(port)).toBe('first')
  })

  test('of TLS 1.1 is refused', async () => {
    const { port } = await listen()
    const versions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    const client = dial(port, versions)
    await until('the refusal', () => client.failure)
    expect(client.failure).toMatch(/VERSION/)
  })
})

describe('the certificate of a client', () => {
  const show = ({ cert, key }: { readonly cert: string; readonly key: string }) => ({ cert, key })
  const closed = async (client: RawClient) => until('the close', () => client.isClosed)

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'is handed to the session, over %s',
    async (version) => {
      const { port } = await listen('optional')
      const versions = { minVersion: version, maxVersion: version }
      const { client, session } = await open(port, { ...show(good), ...versions })
      const { fingerprint256 } = new X509Certificate(good.cert)
      expect(session.connection?.certificate).toEqual({
        commonName: 'meter-7',
        fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
      })
      client.socket.destroy()
    },
  )

  test('is handed over again when the TLS session is resumed', async () => {
    const { port } = await listen('optional')
    const versions = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    const socket = connect({
      ...{ port, host: '127.0.0.1', rejectUnauthorized: false },
      ...{ ...show(good), ...versions },
    })
    const ticket = await new Promise<Buffer>((resolve) => socket.on('session', resolve))
    socket.destroy()
    const { client, session } = await open(port, { ...show(good), ...versions, session: ticket })
    expect(session.connection?.certificate?.commonName).toBe('meter-7')
    client.socket.destroy()
  })

  test('may be left out where it is optional', async () => {
    const { client, session } = await open((await listen('optional')).port)
    expect(session.connection?.certificate).toBeUndefined()
    client.socket.destroy()
  })

  test('of another authority ends the connection, also where it is optional', async () => {
    for (const clients of ['optional', 'required'] as const) {
      const { port } = await listen(clients)
      const [refused, admitted] = [
        world.tally.refusals.get('credential_invalid') ?? 0,
        world.sessions.length,
      ]
      await closed(dial(port, show(foreign)))
      expect(world.tally.refusals.get('credential_invalid')).toBe(refused + 1)
      expect(world.sessions).toHaveLength(admitted)
    }
  })

  test('is missing where it is required, which ends the connection', async () => {
    const { port } = await listen('required')
    const admitted = world.sessions.length
    await closed(dial(port))
    expect(world.tally.refusals.get('credential_missing')).toBe(1)
    expect(world.sessions).toHaveLength(admitted)
    const { client, session } = await open(port, show(good))
    expect(session.connection?.certificate?.commonName).toBe('meter-7')
    client.socket.destroy()
  })

  test('is not looked at where none is asked for', async () => {
    const { client, session } = await open((await listen()).port, show(foreign))
    expect(session.connection?.certificate).toBeUndefined()
    client.socket.destroy()
  })
})

describe('files on disk', () => {
  test('that change are shown to new connections, while old ones go on', async () => {
    const listener = await listen('optional')
    const { client, session } = await open(listener.port)
    writePair('second')
    await listener.check()
    expect(await presentedName(listener.port)).toBe('second')
    client.socket.write('still here')
    await until('the old one', () => session.receivedBytes.toString() === 'still here')
    const newcomers = makeAuthority('newcomers')
    writeFileSync(clientCaFile, newcomers.cert)
    await listener.check()
    const { cert, key } = newcomers.issue('meter-8')
    const after = await open(listener.port, { cert, key })
    expect(after.session.connection?.certificate?.commonName).toBe('meter-8')
    expect(world.logged.filter((event) => event === 'certificate_reloaded')).toHaveLength(2)
    for (const each of [client, after.client]) each.socket.destroy()
    writeFileSync(clientCaFile, authority.cert)
  })

  test('that are broken change nothing but the log', async () => {
    const listener = await listen('optional')
    const before = await presentedName(listener.port)
    writeFileSync(clientCaFile, 'no certificate')
    await listener.check()
    expect(world.logged).toContain('certificate_not_reloaded')
    const { client, session } = await open(listener.port, { cert: good.cert, key: good.key })
    expect(session.connection?.certificate?.commonName).toBe('meter-7')
    expect(await presentedName(listener.port)).toBe(before)
    client.socket.destroy()
    expect(await failureOf(listen('optional'))).toBeInstanceOf(StartProblem)
    writeFileSync(clientCaFile, authority.cert)
  })

  test('make no listener on a port that is taken', async () => {
    const { port } = await listen()
    const again = TlsListener.open(
      { hostname: '127.0.0.1', port },
      { certFile, keyFile },
      {
        listen: ({ tls, ...options }) =>
          world.streams.listen({ ...options, tls: { ...tls, isClientRequired: false } }),
        log: { debug() {}, info() {}, warn() {}, error() {} },
      },
    )
    expect(await failureOf(again)).toMatchObject({ code: 'EADDRINUSE' })
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
