/** A store that counts every call, reads and writes alike, and changes nothing. */
import type { Store } from '../../packages/server/src/ports/store.ts'

export function countingStore(store: Store): {
  readonly store: Store
  readonly calls: () => number
} {
  let count = 0
  const counted = <D extends object>(database: D): D =>
    new Proxy(database, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        return (...words: unknown[]) => {
          count++
          const answer: unknown = Reflect.apply(value, target, words)
          return answer
        }
      },
    })
  const regions = new Map([...store.regions].map(([code, region]) => [code, counted(region)]))
  return {
    calls: () => count,
    store: {
      control: counted(store.control),
      regions,
      ping: () => store.ping(),
      close: () => store.close(),
    },
  }
}
