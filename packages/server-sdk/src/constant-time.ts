/**
 * Comparison of secrets and signatures in a time that does not depend on where they differ.
 * Pure: plain arithmetic, so it runs where there is neither `node:crypto` nor WebCrypto.
 */

const encoder = new TextEncoder()

/**
 * Whether two texts, or two runs of bytes, are the same. Only the length can be told from the
 * time: a signature's is known, and a secret's should be hashed first where it matters.
 * @param given untrusted; text counts as UTF-8.
 */
export function constantTimeEqual(
  given: string | Uint8Array,
  wanted: string | Uint8Array,
): boolean {
  const left = bytesOf(given)
  const right = bytesOf(wanted)
  // A different length still costs one pass over what was given.
  const other = left.length === right.length ? right : left
  let difference = left.length ^ right.length
  for (let index = 0; index < left.length; index++) {
    difference |= (left[index] ?? 0) ^ (other[index] ?? 0)
  }
  return difference === 0
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? encoder.encode(value) : value
}
