/**
 * What the MQTT part of the generator must notice: a peer in this file drops, repeats or damages
 * messages, acknowledges what it should not, or answers no renewal.
 */
import { afterEach, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PacketFramer } from '@lockgate/protocol/mqtt/framer'
import { PACKET } from '@lockgate/protocol/mqtt/packets'
import { compilePrograms } from './toolchain.ts'

/** What a subscriber gets when message `sequence` of its group is published. */
type Forward = (packet: Uint8Array, sequence: number) => readonly Uint8Array[]

const once: Forward = (packet) => [packet]
let program = ''
let peer: { stop(isForced: boolean): void } | undefined
const home = mkdtempSync(join(tmpdir(), 'lockgate-mqtt-bench-'))

beforeAll(() => {
  program = compilePrograms().load
  return () => rmSync(home, { recursive: true })
})

afterEach(() => {
  peer?.stop(true)
  peer = undefined
})

/** A broker of exact topics that does no more than it must. */
function startPeer(forward: Forward, { answersRenewals = true } = {}): number {
  const subscribers = new Map<string, Bun.Socket<PacketFramer>>()
  const listener = Bun.listen<PacketFramer>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        socket.data = new PacketFramer(65_536)
      },
      data(socket, bytes) {
        socket.data.push(Uint8Array.from(bytes))
        for (;;) {
          const next = socket.data.next()
          if (!next.ok || next.value === undefined) return
          const { type, flags, body } = next.value
          if (type === PACKET.connect) socket.write(connack(body[6]))
          if (type === PACKET.auth && answersRenewals) socket.write(Buffer.from([0xf0, 0]))
          if (type === PACKET.subscribe) {
            subscribers.set(topicAt(body, isFive(body) ? 3 : 2), socket)
            socket.write(Buffer.from(isFive(body) ? [0x90, 4, 0, 1, 0, 1] : [0x90, 3, 0, 1, 1]))
          }
          if (type !== PACKET.publish) continue
          const topic = topicAt(body, 0)
          const id = body.subarray(2 + topic.length, 4 + topic.length)
          if (flags === 2) socket.write(Buffer.from([0x40, 2, ...id]))
          const packet = Buffer.concat([Buffer.from([0x30 | flags, body.length]), body])
          for (const each of forward(packet, sequenceOf(packet)))
            subscribers.get(topic)?.write(each)
        }
      },
    },
  })
  peer = listener
  return listener.port
}

/** In a SUBSCRIBE of 5.0 there are properties before the filter; here none, so a zero length. */
function isFive(body: Uint8Array): boolean {
  return body[2] === 0 && body[3] === 0
}

/** Eight digits at the beginning of the payload of 60 bytes. */
function sequenceOf(packet: Uint8Array): number {
  return Number.parseInt(Buffer.from(packet.subarray(-60, -52)).toString(), 16)
}

function connack(level: number | undefined): Uint8Array {
  return Buffer.from(level === 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0])
}

function topicAt(body: Uint8Array, at: number): string {
  const length = (body[at] ?? 0) * 256 + (body[at + 1] ?? 0)
  return Buffer.from(body.subarray(at + 2, at + 2 + length)).toString()
}

async function load(port: number, ...words: readonly string[]) {
  const shape = ['--channel', 'bench', '--window', '4', '--warmup', '0.1', '--seconds', '0.2']
  const bounds = ['--quiet', '0.1', '--patience', '1', '--port', String(port)]
  const child = Bun.spawn([program, 'mqtt', ...shape, ...bounds, ...words], {
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [output, complaint, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { output, complaint, exitCode }
}

const pairs = (port: number) => load(port, '--groups', '3', '--qos', '1')

for (const qos of ['0', '1']) {
  test(`passes a peer that delivers everything once and in order, QoS ${qos}`, async () => {
    const outcome = await load(startPeer(once), '--groups', '2', '--qos', qos)
    expect(outcome.complaint).toBe('')
    const { messages, deliveries, connections } = JSON.parse(outcome.output)
    expect([deliveries === messages, messages > 0, connections]).toEqual([true, true, 4])
  })
}

test('fails on a dropped message', async () => {
  const outcome = await pairs(startPeer((packet, at) => (at === 20 ? [] : [packet])))
  expect(outcome.complaint).toContain('message 21 arrived where 20 was due')
  expect(outcome.exitCode).toBe(1)
})

test('fails on a repeated message', async () => {
  const outcome = await pairs(startPeer((packet, at) => (at === 20 ? [packet, packet] : [packet])))
  expect(outcome.complaint).toContain('message 20 arrived where 21 was due')
  expect(outcome.exitCode).toBe(1)
})

test('fails when a message never arrives', async () => {
  const outcome = await pairs(startPeer((packet, at) => (at >= 20 ? [] : [packet])))
  expect(outcome.complaint).toContain('lost at the end')
  expect(outcome.exitCode).toBe(1)
})

test('fails on a damaged byte of the payload and of the topic', async () => {
  for (const [from, to] of [
    ['.....', '..x..'],
    ['bench/', 'bunch/'],
  ] as const) {
    const damaged: Forward = (packet, at) => {
      if (at !== 20) return [packet]
      return [Buffer.from(Buffer.from(packet).toString('latin1').replace(from, to), 'latin1')]
    }
    const outcome = await pairs(startPeer(damaged))
    expect(outcome.complaint).toContain('a message that is not of this run')
    expect(outcome.exitCode).toBe(1)
    peer?.stop(true)
  }
})

function renewing(port: number) {
  const path = join(home, 'renewals')
  writeFileSync(path, '0 first\n1 second\n0 third\n')
  return load(port, '--qos', '1', '--level', '5', '--renewals', path, '--messages', '3')
}

test('counts renewals, and what is lost or repeated meanwhile', async () => {
  const outcome = await renewing(startPeer(once))
  expect(outcome.complaint).toBe('')
  expect(JSON.parse(outcome.output)).toMatchObject({ renewed: 3, lost: 0, repeated: 0 })
  peer?.stop(true)
  const forward: Forward = (packet, at) => {
    if (at === 20) return []
    return at === 30 ? [packet, packet] : [packet]
  }
  const broken = await renewing(startPeer(forward))
  expect(JSON.parse(broken.output)).toMatchObject({ renewed: 3, lost: 1, repeated: 1 })
})

test('waits for the answer to every renewal, and not for ever', async () => {
  const outcome = await renewing(startPeer(once, { answersRenewals: false }))
  expect(outcome.exitCode).toBe(1)
  expect(outcome.complaint).toContain('its renewal was not answered')
})
