/**
 * Ids of deliveries: `msg_` and 27 characters of base 62 that begin with the time, so that the
 * order of ids is the order in which they were made, to the millisecond, and a database writes
 * them side by side.
 */
import { BASE62 } from '../../credentials/identifiers.ts'
import type { Random } from '../../ports/random.ts'

const LENGTH = 27
/** 160 bits: 48 of time, 112 random. */
const RANDOM_BYTES = 14
const TIME_SHIFT = BigInt(8 * RANDOM_BYTES)
const BASE = BigInt(BASE62.length)

/** @param atMs since 1970; below 2^48. */
export function newDeliveryId(atMs: number, random: Random): string {
  let rest = BigInt(atMs) << TIME_SHIFT
  rest |= BigInt(`0x${Buffer.from(random.bytes(RANDOM_BYTES)).toString('hex')}`)
  let text = ''
  for (let index = 0; index < LENGTH; index++) {
    text = BASE62.charAt(Number(rest % BASE)) + text
    rest /= BASE
  }
  return `msg_${text}`
}
