/**
 * bcrypt of the runtime, computed on its thread pool: the event loop goes on meanwhile.
 * Inputs over 72 bytes are refused, since bcrypt would leave the rest out of the comparison.
 */
import type { PasswordHash } from '../../ports/password-hash.ts'

/** bcrypt's own bound. */
const TEXT_BYTES_MAX = 72
/** bcrypt's own bounds: the exponent of the number of rounds. */
const COST_MIN = 4
const COST_MAX = 31
const COST_DEFAULT = 10

/** @param options `cost` from 4 to 31: each step doubles the time of a guess. */
export function createPasswordHash(options: { readonly cost?: number } = {}): PasswordHash {
  const { cost = COST_DEFAULT } = options
  if (!Number.isInteger(cost) || cost < COST_MIN || cost > COST_MAX) {
    throw new RangeError(`${cost} is no cost of bcrypt`)
  }
  return {
    async hash(text) {
      assertWhole(text)
      return Bun.password.hash(text, { algorithm: 'bcrypt', cost })
    },
    async verify(text, hash) {
      assertWhole(text)
      return Bun.password.verify(text, hash, 'bcrypt')
    },
  }
}

/** The text is in no message: it may be a secret. */
function assertWhole(text: string): void {
  if (text === '' || text.includes('\0') || Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    throw new RangeError(`bcrypt takes 1 to ${TEXT_BYTES_MAX} bytes without NUL`)
  }
}
