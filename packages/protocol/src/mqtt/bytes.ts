/**
 * The data representation of MQTT (§1.5): integers, UTF-8 strings, binary data. Pure. A reader
 * answers undefined where bytes are missing or break a rule, and is of no use afterwards.
 */

/** §1.5.5: four bytes of seven bits. */
export const VARIABLE_INTEGER_MAX = 268_435_455
/** §1.5.4 */
export const TEXT_BYTES_MAX = 65_535

/** [MQTT-1.5.4-3]: a byte order mark is a character; ill-formed text throws [MQTT-1.5.4-1]. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number | undefined {
    return this.#bytes[this.#at++]
  }

  twoBytes(): number | undefined {
    const high = this.#bytes[this.#at]
    const low = this.#bytes[this.#at + 1]
    if (high === undefined || low === undefined) return undefined
    this.#at += 2
    return high * 256 + low
  }

  fourBytes(): number | undefined {
    const high = this.twoBytes()
    const low = this.twoBytes()
    return high === undefined || low === undefined ? undefined : high * 65_536 + low
  }

  /** At most four bytes, in the shortest form [MQTT-1.5.5-1]. */
  variableInteger(): number | undefined {
    let value = 0
    let factor = 1
    for (let count = 1; count <= 4; count++) {
      const byte = this.byte()
      if (byte === undefined) return undefined
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return count > 1 && byte === 0 ? undefined : value
      factor *= 128
    }
    return undefined
  }

  /** A UTF-8 string without U+0000 [MQTT-1.5.4-2]. */
  text(): string | undefined {
    const length = this.twoBytes()
    if (length === undefined || length > this.left) return undefined
    const from = this.#at
    this.#at += length
    return textOf(this.#bytes, from, this.#at)
  }

  /** A view, not a copy. */
  binary(): Uint8Array | undefined {
    const length = this.twoBytes()
    return length === undefined || length > this.left ? undefined : this.#take(length)
  }

  /** A view of what is left. */
  rest(): Uint8Array {
    return this.#take(this.left)
  }

  #take(length: number): Uint8Array {
    const view = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return view
  }
}

/** Up to here a loop is quicker than a call of the decoder. */
const SHORT_TEXT_BYTES = 64

function textOf(bytes: Uint8Array, from: number, to: number): string | undefined {
  if (to - from <= SHORT_TEXT_BYTES) {
    let text = ''
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0
      if (byte === 0) return undefined
      if (byte > 0x7f) return decoded(bytes.subarray(from, to))
      text += ASCII[byte] ?? ''
    }
    return text
  }
  return decoded(bytes.subarray(from, to))
}

const ASCII: readonly string[] = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))

function decoded(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Whether bytes are UTF-8, for payloads that say so (§3.3.2.3.2). */
export function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes)
    return true
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  }
}

/** Writes into one buffer of a size that is known before. */
export class ByteWriter {
  readonly bytes: Uint8Array
  #at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
  }

  get at(): number {
    return this.#at
  }

  byte(value: number): void {
    this.bytes[this.#at++] = value
  }

  twoBytes(value: number): void {
    this.byte(value >>> 8)
    this.byte(value & 0xff)
  }

  fourBytes(value: number): void {
    this.twoBytes(Math.floor(value / 65_536))
    this.twoBytes(value % 65_536)
  }

  /** @param value at most {@link VARIABLE_INTEGER_MAX}. */
  variableInteger(value: number): void {
    let left = value
    while (left > 0x7f) {
      this.byte(0x80 | (left & 0x7f))
      left = Math.floor(left / 128)
    }
    this.byte(left)
  }

  /** @param text at most {@link TEXT_BYTES_MAX} bytes in UTF-8. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT_BYTES && this.#ascii(text)) return
    const { written } = encoder.encodeInto(text, this.bytes.subarray(this.#at + 2))
    this.twoBytes(written)
    this.#at += written
  }

  /** @returns false, with nothing taken as written, for what is more than ASCII. */
  #ascii(text: string): boolean {
    const from = this.#at + 2
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      if (unit > 0x7f) return false
      this.bytes[from + index] = unit
    }
    this.twoBytes(text.length)
    this.#at = from + text.length
    return true
  }

  binary(bytes: Uint8Array): void {
    this.twoBytes(bytes.length)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }
}

export function variableIntegerSize(value: number): 1 | 2 | 3 | 4 {
  if (value < 128) return 1
  if (value < 16_384) return 2
  return value < 2_097_152 ? 3 : 4
}

/** @returns bytes of `text` in UTF-8, as {@link ByteWriter.text} writes it. */
export function utf8Size(text: string): number {
  let size = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit < 0x80) size += 1
    else if (unit < 0x800) size += 2
    else if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(index + 1))) {
      size += 4
      index++
    } else size += 3
  }
  return size
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
