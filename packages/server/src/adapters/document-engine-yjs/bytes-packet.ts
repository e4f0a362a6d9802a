/**
 * What crosses between threads as one buffer: numbers and byte strings one after the other. A
 * buffer is handed over without a copy; cloning thousands of small arrays costs more than the work
 * that is asked for with them. Both ends are ours, so nothing here is checked.
 */

/** Our first size; a packet of a quiet turn fits. */
const FIRST_BYTES = 1_024

export class PacketWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  #last: Uint8Array | undefined

  /** @param value 0 to 2^32 - 1 */
  number(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.#length, value)
    this.#length += 4
  }

  bytes(value: Uint8Array): void {
    this.number(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Bytes that may be those of the last call, which are not written twice. */
  sharedBytes(value: Uint8Array): void {
    const isAgain = value === this.#last
    this.number(isAgain ? 1 : 0)
    if (!isAgain) this.bytes(value)
    this.#last = value
  }

  list(values: readonly Uint8Array[]): void {
    this.number(values.length)
    for (const value of values) this.bytes(value)
  }

  /** @returns what was written, in a buffer of its own that may be transferred. */
  take(): ArrayBuffer {
    const { buffer } = this.#bytes
    const taken = this.#length * 2 < buffer.byteLength ? buffer.slice(0, this.#length) : buffer
    this.#bytes = new Uint8Array(FIRST_BYTES)
    this.#view = new DataView(this.#bytes.buffer)
    this.#length = 0
    this.#last = undefined
    return taken
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}

export class PacketReader {
  readonly #buffer: ArrayBuffer
  readonly #view: DataView
  #at = 0
  #last: Uint8Array = new Uint8Array(0)

  constructor(buffer: ArrayBuffer) {
    this.#buffer = buffer
    this.#view = new DataView(buffer)
  }

  number(): number {
    this.#at += 4
    return this.#view.getUint32(this.#at - 4)
  }

  /** @returns a copy, so that a small value does not keep the whole packet alive. */
  bytes(): Uint8Array {
    const length = this.number()
    this.#at += length
    return new Uint8Array(this.#buffer.slice(this.#at - length, this.#at))
  }

  /** @returns the array of the last call where it was written once. */
  sharedBytes(): Uint8Array {
    if (this.number() === 0) this.#last = this.bytes()
    return this.#last
  }

  list(): Uint8Array[] {
    const values: Uint8Array[] = []
    for (let left = this.number(); left > 0; left--) values.push(this.bytes())
    return values
  }
}
