/** Pins of documents of one process, in memory. Holds what core has open, and nothing else. */
import type { Clock } from '../../ports/clock.ts'
import type { DocumentPin, DocumentPins } from '../../ports/document-pins.ts'

interface HeldPin {
  readonly region: string
  /** Monotonic. */
  readonly expiresAtMs: number
}

export function createMemoryPins({ clock }: { readonly clock: Clock }): DocumentPins {
  const held = new Map<string, HeldPin>()
  const regionOf = (key: string): string | undefined => {
    const pin = held.get(key)
    if (pin === undefined || clock.monotonicMs() < pin.expiresAtMs) return pin?.region
    held.delete(key)
    return undefined
  }
  const claim = ({ key, region }: DocumentPin, ttlMs: number): string => {
    const owner = regionOf(key) ?? region
    if (owner === region) held.set(key, { region, expiresAtMs: clock.monotonicMs() + ttlMs })
    return owner
  }
  return {
    claim: async (pin, ttlMs) => claim(pin, ttlMs),
    renew: async (pins, ttlMs) => pins.filter((pin) => claim(pin, ttlMs) !== pin.region),
    async release({ key, region }) {
      if (held.get(key)?.region === region) held.delete(key)
    },
    find: async (key) => regionOf(key),
  }
}
