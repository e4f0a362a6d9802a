/**
 * MD5, RFC 1321: the digest of a body in the query of a signed call, which WebCrypto does not have.
 * It guards nothing here: the signature does. Pure.
 */
import { hexOf } from './hmac.ts'

const BLOCK_BYTES = 64
const LENGTH_BYTES = 8
/** §3.4: how far each step turns; the four of a round repeat. */
const SHIFTS = Uint8Array.from(
  [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
  ].flatMap((round) => [...round, ...round, ...round, ...round]),
)
/** §3.4: which word of the block each step takes. */
const WORDS = Uint8Array.from({ length: 64 }, (_, step) => {
  const [factor = 0, start = 0] =
    [
      [1, 0],
      [5, 1],
      [3, 5],
      [7, 0],
    ][step >> 4] ?? []
  return (factor * step + start) & 15
})
/** §3.4: 4294967296 times the sine of the step, from 1. */
const SINES = Uint32Array.from({ length: 64 }, (_, step) => Math.abs(Math.sin(step + 1)) * 2 ** 32)

/** @returns 32 lowercase hex digits. */
export function md5Hex(content: Uint8Array): string {
  const blockCount = Math.ceil((content.length + 1 + LENGTH_BYTES) / BLOCK_BYTES)
  const padded = new Uint8Array(blockCount * BLOCK_BYTES)
  padded.set(content)
  padded[content.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - LENGTH_BYTES, BigInt(content.length) * 8n, true)
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476)
  for (let at = 0; at < padded.length; at += BLOCK_BYTES) addBlock(state, view, at)
  const digest = new DataView(new ArrayBuffer(state.byteLength))
  state.forEach((word, index) => {
    digest.setUint32(index * 4, word, true)
  })
  return hexOf(digest.buffer)
}

function addBlock(state: Uint32Array, view: DataView, at: number): void {
  let [a = 0, b = 0, c = 0, d = 0] = state
  for (let step = 0; step < 64; step++) {
    // §3.4: F, G, H and I.
    let mixed: number
    if (step < 16) mixed = (b & c) | (~b & d)
    else if (step < 32) mixed = (d & b) | (~d & c)
    else if (step < 48) mixed = b ^ c ^ d
    else mixed = c ^ (b | ~d)
    const word = view.getUint32(at + (WORDS[step] ?? 0) * 4, true)
    const sum = (a + mixed + (SINES[step] ?? 0) + word) | 0
    const shift = SHIFTS[step] ?? 0
    a = d
    d = c
    c = b
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0
  }
  state.set([a, b, c, d].map((word, index) => word + (state[index] ?? 0)))
}
