/** The npm package, for the same. */
import { generate, type Packet, parser } from 'mqtt-packet'
import { MALFORMED, PIECE_COUNT, PUBLISHED, publishedPiece } from './mqtt-packets.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

const piece = publishedPiece()
const reader = parser({ protocolVersion: 5 })
let count = 0
reader.on('packet', () => {
  count++
})

const decoded = await timeCalls(secondsAsked() / 2, () => {
  const before = count
  reader.parse(piece)
  if (count - before !== PIECE_COUNT) throw new Error('a good packet was refused')
})

const message: Packet = {
  cmd: 'publish',
  topic: PUBLISHED.topic,
  payload: PUBLISHED.payload,
  messageId: PUBLISHED.packetId,
  qos: 1,
  retain: false,
  dup: false,
}
const encoded = await timeCalls(secondsAsked() / 2, () => generate(message, { protocolVersion: 5 }))

function isTaken({ bytes, level }: (typeof MALFORMED)[number]): boolean {
  let isRefused = false
  const one = parser({ protocolVersion: level })
  one.on('error', () => {
    isRefused = true
  })
  try {
    one.parse(bytes)
  } catch {
    isRefused = true // some are thrown
  }
  return !isRefused
}

print({
  decodeUs: decoded.cpuUs / PIECE_COUNT,
  encodeUs: encoded.cpuUs,
  letThrough: MALFORMED.filter(isTaken).length,
  malformed: MALFORMED.length,
})
