/**
 * Bytes of packets whose end has not come, over all connections: each may hold a packet of the
 * largest size that is allowed, so many that never send the end would fill memory. State only.
 */

/** Our bound for one node. */
export const PARTIAL_BYTES_MAX = 256 * 1024 * 1024
/** Who holds no more than this goes on although others hold too much. */
export const PARTIAL_BYTES_SPARED = 16 * 1024

export class PartialPackets {
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /**
   * One connection holds another number of bytes.
   * @returns false where it holds more than there is room for: it has to end.
   */
  changed(before: number, after: number): boolean {
    this.#bytes += after - before
    return after <= PARTIAL_BYTES_SPARED || after <= before || this.#bytes <= PARTIAL_BYTES_MAX
  }
}
