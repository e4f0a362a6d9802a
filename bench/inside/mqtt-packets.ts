/** What both MQTT codecs are given: the same packets, and the same malformed ones. */
import vectors from '../../test/vectors/mqtt.json'

export const MALFORMED = vectors.refused.map(({ hex, level }) => ({
  bytes: Buffer.from(hex, 'hex'),
  level: level === 4 ? (4 as const) : (5 as const),
}))

/** Packets in one piece of a stream. */
export const PIECE_COUNT = 50
const TOPIC = 'rooms/42/chat'
const PAYLOAD = Buffer.alloc(128, 'x')

/** QoS 1, MQTT 5.0, no properties: what a broker sees most, with an acknowledgement to give. */
export const PUBLISHED = { topic: TOPIC, payload: PAYLOAD, packetId: 7 } as const

/** @returns {@link PIECE_COUNT} of them as they arrive. */
export function publishedPiece(): Buffer {
  const body = Buffer.concat([
    Buffer.from([0, TOPIC.length]),
    Buffer.from(TOPIC),
    Buffer.from([0, PUBLISHED.packetId, 0]),
    PAYLOAD,
  ])
  const length = [(body.length & 0x7f) | 0x80, body.length >> 7]
  const packet = Buffer.concat([Buffer.from([0x32, ...length]), body])
  return Buffer.concat(Array.from({ length: PIECE_COUNT }, () => packet))
}
