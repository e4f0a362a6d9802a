/** Our codec: packets of a stream decoded, packets encoded, and what it lets through. */
import { decodePacket } from '@lockgate/protocol/mqtt/decode'
import { encodePacket } from '@lockgate/protocol/mqtt/encode'
import { PacketFramer } from '@lockgate/protocol/mqtt/framer'
import { NO_PROPERTIES } from '@lockgate/protocol/mqtt/properties'
import { reasonOf } from '@lockgate/protocol/mqtt/refusals'
import { MALFORMED, PIECE_COUNT, PUBLISHED, publishedPiece } from './mqtt-packets.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

const BYTES_MAX = 1_000_000
const framer = new PacketFramer(BYTES_MAX)
const piece = publishedPiece()

const decoded = await timeCalls(secondsAsked() / 2, () => {
  framer.push(piece)
  for (let count = 0; count < PIECE_COUNT; count++) {
    const raw = framer.next()
    if (!raw.ok || raw.value === undefined || !decodePacket(raw.value, 5).ok) {
      throw new Error('a good packet was refused')
    }
  }
})

const message = {
  kind: 'publish',
  ...PUBLISHED,
  qos: 1,
  retain: false,
  duplicate: false,
  properties: NO_PROPERTIES,
} as const
const encoded = await timeCalls(secondsAsked() / 2, () => encodePacket(message, 5))

/** Every refusal has a reason to tell. */
function isTaken({ bytes, level }: (typeof MALFORMED)[number]): boolean {
  const one = new PacketFramer(BYTES_MAX)
  one.push(bytes)
  const raw = one.next()
  if (!raw.ok) return reasonOf(raw.refusal) === 0
  if (raw.value === undefined) return true
  const packet = decodePacket(raw.value, level)
  return packet.ok || reasonOf(packet.refusal) === 0
}

print({
  decodeUs: decoded.cpuUs / PIECE_COUNT,
  encodeUs: encoded.cpuUs,
  letThrough: MALFORMED.filter(isTaken).length,
  malformed: MALFORMED.length,
})
