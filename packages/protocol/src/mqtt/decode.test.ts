import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { generate, type Packet } from 'mqtt-packet'
import vectors from '../../../../test/vectors/mqtt.json'
import { ok, type Result } from '../result.ts'
import { decodePacket, FILTER_COUNT_MAX } from './decode.ts'
import { PacketFramer } from './framer.ts'
import type { ClientPacket, ProtocolLevel } from './packets.ts'

const BYTES_MAX = 1_000_000

type Outcome = Result<readonly ClientPacket[], string>

/** Decodes a stream that arrives in pieces of `size` bytes. */
function decodeAll(bytes: Uint8Array, level: ProtocolLevel, size = bytes.length): Outcome {
  const framer = new PacketFramer(BYTES_MAX)
  const packets: ClientPacket[] = []
  for (let at = 0; at < bytes.length; at += Math.max(1, size)) {
    framer.push(bytes.slice(at, at + Math.max(1, size)))
    for (;;) {
      const raw = framer.next()
      if (!raw.ok) return raw
      if (raw.value === undefined) break
      const packet = decodePacket(raw.value, level)
      if (!packet.ok) return packet
      packets.push(structuredClone(packet.value))
    }
  }
  return ok(packets)
}

const levelOf = (level: number) => (level === 4 ? 4 : 5)

for (const { name, level, hex, clause, kind } of vectors.accepted) {
  test(`${name} is a packet (${clause}), whole and byte by byte`, () => {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
    const whole = decodeAll(bytes, levelOf(level))
    expect(whole).toMatchObject({ ok: true, value: [{ kind }] })
    expect(decodeAll(bytes, levelOf(level), 1)).toEqual(whole)
  })
}

for (const { name, level, hex, clause, refusal } of vectors.refused) {
  test(`${name} is refused (${clause})`, () => {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
    expect(decodeAll(bytes, levelOf(level))).toMatchObject({ ok: false, refusal })
    expect(decodeAll(bytes, levelOf(level), 1)).toMatchObject({ ok: false, refusal })
  })
}

test('every packet that is cut short is refused or waits for its end, and none throws', () => {
  for (const { hex, level } of vectors.accepted) {
    const bytes = Uint8Array.from(Buffer.from(hex, 'hex'))
    for (let end = 1; end < bytes.length; end++) {
      const outcome = decodeAll(bytes.subarray(0, end), levelOf(level))
      expect(outcome).toEqual(ok([]))
    }
  }
})

test('any bytes at all give packets or a refusal, however they are cut', () => {
  const start = fc.constantFrom(...vectors.accepted.map(({ hex }) => Buffer.from(hex, 'hex')))
  const damaged = fc
    .tuple(start, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }))
    .map(([bytes, changes]) => {
      const copy = Uint8Array.from(bytes)
      for (const [at, value] of changes) copy[at % copy.length] = value
      return copy
    })
  const anything = fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged)
  fc.assert(
    fc.property(
      anything,
      fc.constantFrom(4 as const, 5 as const),
      fc.nat(7),
      (bytes, level, size) => {
        expect(decodeAll(bytes, level, size + 1)).toEqual(decodeAll(bytes, level))
      },
    ),
    { numRuns: 2_000 },
  )
})

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((each) => !each.includes('\0'))
const level = fc.constantFrom('a', 'b7', 'Zürich', '', '$x', 'long level with spaces')
const topic = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => `t${levels.join('/')}`)
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))

test('what an independent encoder writes is read as it was meant', () => {
  const published = fc.record({
    topic,
    payload,
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
    messageId: fc.integer({ min: 1, max: 65_535 }),
    contentType: text,
    expiry: fc.integer({ min: 0, max: 0xffff_ffff }),
    correlation: payload,
  })
  fc.assert(
    fc.property(published, fc.constantFrom(4 as const, 5 as const), (made, protocol) => {
      const properties =
        protocol === 5
          ? {
              contentType: made.contentType,
              messageExpiryInterval: made.expiry,
              correlationData: made.correlation,
            }
          : undefined
      const packet = { cmd: 'publish', dup: false, ...made, properties } as unknown as Packet
      const decoded = decodeAll(generate(packet, { protocolVersion: protocol }), protocol)
      expect(decoded).toMatchObject({
        ok: true,
        value: [
          {
            kind: 'publish',
            topic: made.topic,
            qos: made.qos,
            retain: made.retain,
            packetId: made.qos === 0 ? 0 : made.messageId,
          },
        ],
      })
      const [first] = decoded.ok ? decoded.value : []
      if (first?.kind !== 'publish') throw new Error('it is no PUBLISH')
      expect(Buffer.from(first.payload)).toEqual(made.payload)
      if (protocol !== 5) return
      expect(first.properties.contentType).toBe(made.contentType)
      expect(first.properties.messageExpiry).toBe(made.expiry)
      expect(Buffer.from(first.properties.correlationData ?? [])).toEqual(made.correlation)
    }),
    { numRuns: 500 },
  )
})

test('user properties keep their order and their repetitions', () => {
  const bytes = generate(
    {
      cmd: 'connect',
      clientId: 'c',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      keepalive: 30,
      properties: { userProperties: { b: ['1', '2'], a: '3' } },
    },
    { protocolVersion: 5 },
  )
  expect(decodeAll(bytes, 5)).toMatchObject({
    value: [
      {
        properties: {
          userProperties: [
            ['b', '1'],
            ['b', '2'],
            ['a', '3'],
          ],
        },
      },
    ],
  })
})

test('a packet that is too large is refused by its header, before its body is there', () => {
  const framer = new PacketFramer(100)
  framer.push(Uint8Array.of(0x30, 0x63))
  expect(framer.next()).toMatchObject({ refusal: 'packet_too_large' })
  const roomy = new PacketFramer(101)
  roomy.push(Uint8Array.of(0x30, 0x63))
  expect(roomy.next()).toEqual(ok(undefined))
})

test.each([
  ['SUBSCRIBE', 8, [0, 1, 97, 0]],
  ['UNSUBSCRIBE', 10, [0, 1, 97]],
] as const)('%s names no more filters than our bound', (_name, type, filter) => {
  const decoded = (count: number) => {
    const filters = Array.from({ length: count }, () => filter)
    return decodePacket({ type, flags: 2, body: new Uint8Array([0, 1, ...filters.flat()]) }, 4)
  }
  expect(decoded(FILTER_COUNT_MAX).ok).toBe(true)
  expect(decoded(FILTER_COUNT_MAX + 1)).toMatchObject({ refusal: 'too_many_filters' })
})

test('after a refusal nothing more of the stream is read', () => {
  const framer = new PacketFramer(100)
  framer.push(Uint8Array.of(0x00, 0x00, 0xc0, 0x00))
  expect(framer.next().ok).toBe(false)
  framer.push(Uint8Array.of(0xc0, 0x00))
  expect(framer.next().ok).toBe(false)
  expect(framer.pendingBytes).toBe(2)
})

test('a packet that comes byte by byte costs little more than one that comes at once', () => {
  const size = 300_000
  const packet = new Uint8Array(size)
  packet.set([0x30, 0xdc, 0xa7, 0x12]) // a PUBLISH of 299,996 bytes
  const framer = new PacketFramer(size)
  const startedAtMs = performance.now()
  for (let at = 0; at < size - 1; at++) {
    framer.push(packet.subarray(at, at + 1))
    expect(framer.pendingBytes).toBe(at + 1)
    if (at % 1_000 === 0) expect(framer.next()).toMatchObject({ ok: true, value: undefined })
  }
  framer.push(packet.subarray(size - 1))
  const whole = framer.next()
  expect(whole.ok && whole.value?.body.length).toBe(size - 4)
  // Copied once for each byte it would be 45 GB.
  expect(performance.now() - startedAtMs).toBeLessThan(5_000)
})

test('what was handed out stays as it is while more comes, and nothing is kept without need', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 60 }),
      (bodies, cut) => {
        const packets = bodies.map((body) => [0x30, body.length, ...body])
        const stream = new Uint8Array(packets.flat())
        const framer = new PacketFramer(100)
        const seen: number[][] = []
        for (let at = 0; at < stream.length; at += cut) {
          framer.push(stream.slice(at, at + cut))
          for (let next = framer.next(); next.ok && next.value; next = framer.next()) {
            seen.push([...next.value.body])
          }
        }
        expect(seen).toEqual(bodies.map((body) => [...body]))
        expect(framer.pendingBytes).toBe(0)
      },
    ),
  )
})
