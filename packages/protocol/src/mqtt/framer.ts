/**
 * Cuts a stream into control packets by their fixed header (§2.1). Pure; memory is bounded by the
 * largest packet that is allowed. What is too large or impossible is refused when its header is
 * there, before its body is.
 */
import { ok, refuse, type Result } from '../result.ts'
import { PACKET, type PacketType } from './packets.ts'

export interface RawPacket {
  readonly type: PacketType
  /** The low four bits of the first byte; checked for every type but PUBLISH. */
  readonly flags: number
  /** All after the fixed header: a view that holds until the next {@link PacketFramer.push}. */
  readonly body: Uint8Array
}

export type FramingRefusal = 'malformed' | 'packet_too_large'

const EMPTY = new Uint8Array(0)
const HEADER_BYTES_MAX = 5

export class PacketFramer {
  /** The largest packet, fixed header included; may change between packets. */
  packetBytesMax: number
  /** What came: a chunk as it is, or room of our own, filled up to `#end`. */
  #bytes: Uint8Array = EMPTY
  #at = 0
  #end = 0
  #isOwn = false
  #isBroken = false

  constructor(packetBytesMax: number) {
    this.packetBytesMax = packetBytesMax
  }

  /** Bytes that wait for the rest of their packet. */
  get pendingBytes(): number {
    return this.#end - this.#at
  }

  /** @param chunk kept until {@link next} gives undefined; not changed meanwhile. */
  push(chunk: Uint8Array): void {
    if (this.pendingBytes === 0) {
      this.#bytes = chunk
      this.#at = 0
      this.#end = chunk.length
      this.#isOwn = false
      return
    }
    if (!this.#isOwn || this.#end + chunk.length > this.#bytes.length) this.#grow(chunk.length)
    // Behind everything that was handed out, so no view changes.
    this.#bytes.set(chunk, this.#end)
    this.#end += chunk.length
  }

  /**
   * Makes room for half as much again: a packet that comes byte by byte is copied a few times, and
   * not once for each of its bytes.
   */
  #grow(byteCount: number): void {
    const needed = this.pendingBytes + byteCount
    const grown = new Uint8Array(needed + (needed >>> 1))
    grown.set(this.#bytes.subarray(this.#at, this.#end))
    this.#end -= this.#at
    this.#at = 0
    this.#bytes = grown
    this.#isOwn = true
  }

  /** @returns undefined when the end of the next packet is not there yet. After a refusal, that. */
  next(): Result<RawPacket | undefined, FramingRefusal> {
    if (this.#isBroken) return refuse('malformed')
    const found = this.#take()
    if (!found.ok) {
      this.#isBroken = true
      this.#letGo()
    } else if (found.value === undefined) this.#keepLittle()
    return found
  }

  /** A chunk may be a view of much more, which nobody needs for half a packet, or for none. */
  #keepLittle(): void {
    if (this.pendingBytes === 0) this.#letGo()
    else if (!this.#isOwn) this.#grow(0)
  }

  #letGo(): void {
    this.#bytes = EMPTY
    this.#at = 0
    this.#end = 0
    this.#isOwn = false
  }

  #take(): Result<RawPacket | undefined, FramingRefusal> {
    const first = this.#byteAt(this.#at)
    if (first === undefined) return ok(undefined)
    const type = first >>> 4
    const flags = first & 0x0f
    if (!isPossible(type, flags)) return refuse('malformed')
    let length = 0
    let factor = 1
    for (let index = 1; index < HEADER_BYTES_MAX; index++) {
      const byte = this.#byteAt(this.#at + index)
      if (byte === undefined) return ok(undefined)
      length += (byte & 0x7f) * factor
      if (byte < 0x80) {
        // [MQTT-1.5.5-1]: the shortest form.
        if (index > 1 && byte === 0) return refuse('malformed')
        return this.#cut(type as PacketType, flags, { head: index + 1, length })
      }
      factor *= 128
    }
    return refuse('malformed')
  }

  /** Room of our own goes on behind what came. */
  #byteAt(index: number): number | undefined {
    return index < this.#end ? this.#bytes[index] : undefined
  }

  #cut(
    type: PacketType,
    flags: number,
    { head, length }: { readonly head: number; readonly length: number },
  ): Result<RawPacket | undefined, FramingRefusal> {
    if (head + length > this.packetBytesMax) return refuse('packet_too_large')
    const from = this.#at + head
    const to = from + length
    if (to > this.#end) return ok(undefined)
    this.#at = to
    return ok({ type, flags, body: this.#bytes.subarray(from, to) })
  }
}

/** Types that a client sends, with their reserved flags [MQTT-2.1.3-1]. */
function isPossible(type: number, flags: number): boolean {
  switch (type) {
    case PACKET.publish:
      return true
    case PACKET.pubrel:
    case PACKET.subscribe:
    case PACKET.unsubscribe:
      return flags === 2
    case PACKET.connect:
    case PACKET.puback:
    case PACKET.pubrec:
    case PACKET.pubcomp:
    case PACKET.pingreq:
    case PACKET.disconnect:
    case PACKET.auth:
      return flags === 0
    default:
      // 0 is reserved; CONNACK, SUBACK, UNSUBACK and PINGRESP come from a server.
      return false
  }
}
