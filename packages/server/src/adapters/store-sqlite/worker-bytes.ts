/**
 * Bytes beside JSON text. What the store and its Worker say travels as text; bytes in it travel in
 * one buffer that is handed over, and only their length stands in the text, so that large ones are
 * neither spelled nor parsed. A message without bytes is text and no more.
 */
import type { SqlValue } from './worker-protocol.ts'

/** What stands in the text for bytes. */
interface BytesPlace {
  readonly byteCount: number
}

export type WireMessage = string | { readonly text: string; readonly bytes: ArrayBuffer }

/** Takes bytes out of values, in their order. */
export class BytesOut {
  readonly #parts: Uint8Array[] = []
  #length = 0

  value(value: SqlValue): Exclude<SqlValue, Uint8Array> | BytesPlace {
    if (!(value instanceof Uint8Array)) return value
    this.#parts.push(value)
    this.#length += value.length
    return { byteCount: value.length }
  }

  /** @returns the message, and what is handed over with it. */
  message(text: string): { readonly message: WireMessage; readonly transfer: ArrayBuffer[] } {
    if (this.#parts.length === 0) return { message: text, transfer: [] }
    const bytes = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length
    }
    return { message: { text, bytes: bytes.buffer }, transfer: [bytes.buffer] }
  }
}

/** Puts bytes back, in the same order. */
export class BytesIn {
  readonly text: string
  readonly #bytes: ArrayBuffer | undefined
  #at = 0

  constructor(message: WireMessage) {
    this.text = typeof message === 'string' ? message : message.text
    this.#bytes = typeof message === 'string' ? undefined : message.bytes
  }

  get hasBytes(): boolean {
    return this.#bytes !== undefined
  }

  value(value: SqlValue | BytesPlace): SqlValue {
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
    this.#at += value.byteCount
    return new Uint8Array(this.#bytes?.slice(this.#at - value.byteCount, this.#at) ?? [])
  }
}
