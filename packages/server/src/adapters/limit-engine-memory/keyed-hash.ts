/**
 * HalfSipHash-1-3 with 64 bits of output (Aumasson, Bernstein; `halfsiphash.c` of the authors of
 * SipHash, which the Linux kernel uses for its tables), over UTF-16 units. With the key secret, a
 * sender cannot choose subjects that share a count or pile up in one place of a table.
 * Works in fields: what returns two numbers would allocate.
 */

export class KeyedHash {
  /** The result of the last {@link KeyedHash.hash}: two words of 32 bits. */
  low = 0
  high = 0
  readonly #key0: number
  readonly #key1: number

  /** @param key two random words of 32 bits. */
  constructor(key: { readonly key0: number; readonly key1: number }) {
    this.#key0 = key.key0 | 0
    this.#key1 = key.key1 | 0
  }

  /**
   * @param family goes in as the first word, so that equal texts of two families are apart.
   * @param lengthMax units behind it do not count.
   */
  hash(family: number, text: string, lengthMax: number): void {
    const length = Math.min(text.length, lengthMax)
    let v0 = this.#key0
    let v1 = this.#key1 ^ 0xee // 64 bits of output
    let v2 = this.#key0 ^ 0x6c796765
    let v3 = this.#key1 ^ 0x74656462
    let word = family | 0
    let at = 0
    // One round per word; the last one holds what is left over, and the length.
    for (let isLast = false; ; ) {
      v3 ^= word
      // One round of the permutation, written out twice: a call would cost as much as it.
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
      if (isLast) break
      if (at + 1 < length) {
        word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16)
        at += 2
      } else {
        word = (at < length ? text.charCodeAt(at) : 0) | (length << 24)
        isLast = true
      }
    }
    v2 ^= 0xee
    for (let round = 0; round < 6; round++) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (round === 2) {
        this.low = (v1 ^ v3) >>> 0
        v1 ^= 0xdd
      }
    }
    this.high = (v1 ^ v3) >>> 0
  }
}
