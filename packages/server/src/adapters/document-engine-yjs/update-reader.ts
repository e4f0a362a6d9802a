/**
 * Reads the encoding of lib0 that Yjs updates are written in (contract WireSocket 6). Pure. It
 * never throws: after the first thing that cannot be read it is broken, and gives zeros.
 */
import { nestsDeeperThan } from '@lockgate/protocol/bytes'

/** Our bound: readers of clients recurse into values, and a stack that is too deep throws. */
const VALUE_DEPTH_MAX = 64

const ASCII_MAX = 0x7f
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class UpdateReader {
  readonly #bytes: Uint8Array
  #at = 0
  #isBroken = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isBroken(): boolean {
    return this.#isBroken
  }

  /** Of bytes that were not read. */
  get restLength(): number {
    return this.#bytes.length - this.#at
  }

  break(): void {
    this.#isBroken = true
    this.#at = this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) this.break()
    else this.#at++
    return byte ?? 0
  }

  /** 0 to 2^53 - 1 */
  number(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined || byte > ASCII_MAX) return this.#digits(0, 1)
    this.#at++
    return byte
  }

  /** @param bytesEachMin of what follows that many times: an announced length must be there. */
  count(bytesEachMin: number): number {
    const count = this.number()
    if (count * bytesEachMin <= this.restLength) return count
    this.break()
    return 0
  }

  /** @returns its length in UTF-16 units, as Yjs counts. */
  skipText(): number {
    const length = this.count(1)
    const [bytes, start] = [this.#bytes, this.#at]
    for (let at = start; at < start + length; at++) {
      if ((bytes[at] ?? 0) > ASCII_MAX) return this.#decode(this.#take(length)).length
    }
    this.#at += length
    return length
  }

  text(): string {
    return this.#decode(this.#take())
  }

  /** JSON text; `undefined` where lists of values may have it. */
  skipJson({ orUndefined }: { readonly orUndefined: boolean }): void {
    const text = this.#decode(this.#take())
    if (orUndefined && text === 'undefined') return
    if (nestsDeeperThan(text, VALUE_DEPTH_MAX)) return this.break()
    try {
      JSON.parse(text)
    } catch {
      this.break()
    }
  }

  skipBytes(): void {
    this.#take()
  }

  /** A value of any type; @param depth of the lists and objects around it. */
  skipAny(depth = 0): void {
    if (depth > VALUE_DEPTH_MAX) return this.break()
    const kind = this.byte()
    if (kind === 125) return this.#skipInteger()
    if (kind === 119) return void this.skipText()
    if (kind === 116) return this.skipBytes()
    if (kind === 118 || kind === 117) {
      const isObject = kind === 118
      for (let left = this.count(isObject ? 2 : 1); left > 0 && !this.#isBroken; left--) {
        if (isObject) this.skipText()
        this.skipAny(depth + 1)
      }
      return
    }
    const length = FIXED_LENGTHS.get(kind)
    if (length === undefined || length > this.restLength) this.break()
    else this.#at += length
  }

  /** Its first byte holds six bits, the sign and whether more follow. */
  #skipInteger(): void {
    const first = this.byte()
    if (first & 0x80) this.#digits(first & 0x3f, 64)
  }

  #digits(start: number, startUnit: number): number {
    let value = start
    let unit = startUnit
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * unit
      unit *= 128
      if (value > Number.MAX_SAFE_INTEGER) this.break()
      if (this.#isBroken) return 0
      if (byte < 0x80) return value
    }
  }

  #take(length = this.number()): Uint8Array {
    if (length > this.restLength) this.break()
    if (this.#isBroken) return new Uint8Array(0)
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  #decode(bytes: Uint8Array): string {
    try {
      return decoder.decode(bytes)
    } catch {
      this.break()
      return ''
    }
  }
}

/** Undefined, null, the floats, a big integer, false and true. */
const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map([
  [127, 0],
  [126, 0],
  [124, 4],
  [123, 8],
  [122, 8],
  [121, 0],
  [120, 0],
])
