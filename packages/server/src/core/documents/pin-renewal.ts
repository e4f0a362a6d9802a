/** Keeps the pins of open documents fresh, so that only those of a dead node run out. */
import type { Clock } from '../../ports/clock.ts'
import type { DocumentPin, DocumentPins } from '../../ports/document-pins.ts'

/** Contract WireSocket 8: a node that was not heard of for two minutes is gone. */
export const PIN_TTL_MS = 120_000
/** Ours: three may fail before a pin runs out. */
const RENEWAL_MS = 30_000
/** Ours: what one call renews. */
const RENEWAL_COUNT = 1_000

export class PinRenewal {
  readonly #ports: { readonly pins: DocumentPins; readonly clock: Clock }
  #renewedAtMs: number

  constructor(ports: { readonly pins: DocumentPins; readonly clock: Clock }) {
    this.#ports = ports
    this.#renewedAtMs = ports.clock.monotonicMs()
  }

  /**
   * Renews when it is time.
   * @param open asked in pieces: what is let go of meanwhile is not renewed.
   * @param lost called for each that another region has by now. @throws Outage
   */
  async tick(open: () => Iterable<DocumentPin>, lost: (pin: DocumentPin) => void): Promise<void> {
    const nowMs = this.#ports.clock.monotonicMs()
    if (nowMs < this.#renewedAtMs + RENEWAL_MS) return
    this.#renewedAtMs = nowMs
    const pins = [...open()]
    for (let at = 0; at < pins.length; at += RENEWAL_COUNT) {
      const stillOpen = new Set(at === 0 ? pins : open())
      const some = pins.slice(at, at + RENEWAL_COUNT).filter((pin) => stillOpen.has(pin))
      for (const pin of await this.#ports.pins.renew(some, PIN_TTL_MS)) lost(pin)
    }
  }
}
