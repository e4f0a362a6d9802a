/**
 * Reading and writing of lib0: whole numbers in groups of 7 bits, the lowest first, and bytes and
 * text behind their length. Contract WireSocket 6. Pure; nothing is reserved for a length before
 * the bytes it announces are there, and what is read is a view of the frame.
 */

/** 2^53 - 1 takes eight groups; what goes on after them is no number. */
const GROUP_COUNT_MAX = 8
const GROUP = 0x80

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** @returns undefined for one that is cut off or larger than 2^53 - 1. */
  varUint(): number | undefined {
    let value = 0
    let weight = 1
    for (let group = 0; group < GROUP_COUNT_MAX; group++) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) return undefined
      value += (byte % GROUP) * weight
      if (byte < GROUP) return value <= Number.MAX_SAFE_INTEGER ? value : undefined
      weight *= GROUP
    }
    return undefined
  }

  /** @returns a view; undefined where fewer bytes are there than are announced. */
  varBytes(): Uint8Array | undefined {
    const length = this.varUint()
    if (length === undefined || length > this.#bytes.length - this.#at) return undefined
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  /** @returns undefined for what is cut off, longer than `bytesMax`, or no UTF-8. */
  varText(bytesMax: number): string | undefined {
    const bytes = this.varBytes()
    if (bytes === undefined || bytes.length > bytesMax) return undefined
    try {
      return decoder.decode(bytes)
    } catch (error) {
      if (error instanceof TypeError) return undefined
      throw error
    }
  }
}

/** @returns how many bytes {@link ByteWriter.varUint} takes for it. */
export function varUintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= GROUP; rest = Math.floor(rest / GROUP)) length++
  return length
}

/** Writes one frame whose size is known, so that nothing is copied twice. */
export class ByteWriter {
  readonly bytes: Uint8Array
  #at = 0

  constructor(length: number) {
    this.bytes = new Uint8Array(length)
  }

  varUint(value: number): this {
    let rest = value
    while (rest >= GROUP) {
      this.bytes[this.#at++] = (rest % GROUP) + GROUP
      rest = Math.floor(rest / GROUP)
    }
    this.bytes[this.#at++] = rest
    return this
  }

  raw(bytes: Uint8Array): this {
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.length
    return this
  }

  varBytes(bytes: Uint8Array): this {
    return this.varUint(bytes.length).raw(bytes)
  }
}

/** @returns how many bytes {@link ByteWriter.varBytes} takes for so many. */
export function varBytesLength(byteCount: number): number {
  return varUintLength(byteCount) + byteCount
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}
