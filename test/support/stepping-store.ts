/**
 * A store that says where it is: after each write inside a transaction, before each commit of
 * something written and after it. Tests end a process there.
 */
import type {
  ControlTransaction,
  Database,
  RegionDatabase,
  RegionTransaction,
  Store,
} from '../../packages/server/src/ports/store.ts'

/** @param name such as `local: saveCredential` or `control: committed`. */
export type OnStep = (name: string) => void

const READS = /^(find|list)/

export function steppingStore(store: Store, onStep: OnStep): Store {
  const regions = [...store.regions].map(
    ([code, region]) => [code, steppingRegion(region, onStep)] as const,
  )
  return {
    control: stepping<ControlTransaction, Store['control']>(store.control, onStep),
    regions: new Map(regions),
    ping: () => store.ping(),
    close: () => store.close(),
  }
}

function steppingRegion(region: RegionDatabase, onStep: OnStep): RegionDatabase {
  return stepping<RegionTransaction, RegionDatabase>(region, onStep)
}

function stepping<T extends object, D extends Database<T>>(database: D, onStep: OnStep): D {
  const transaction = async <R>(work: (transaction: T) => Promise<R>): Promise<R> => {
    let hasWritten = false
    const told = (method: string) => {
      hasWritten = true
      onStep(`${database.code}: ${method}`)
    }
    const result = await database.transaction(async (inner) => {
      const value = await work(tellingWrites(inner, told))
      if (hasWritten) onStep(`${database.code}: before the commit`)
      return value
    })
    if (hasWritten) onStep(`${database.code}: committed`)
    return result
  }
  return new Proxy(database, {
    get(target, property) {
      if (property === 'transaction') return transaction
      return bound(target, property)
    },
  })
}

function tellingWrites<T extends object>(transaction: T, told: (method: string) => void): T {
  return new Proxy(transaction, {
    get(target, property) {
      const method = bound(target, property)
      if (typeof method !== 'function' || READS.test(String(property))) return method
      return async (...parameters: unknown[]) => {
        const value: unknown = await method(...parameters)
        told(String(property))
        return value
      }
    },
  })
}

type Method = (...parameters: unknown[]) => unknown

/** Private fields are found through the object itself, never through the proxy. */
function bound(target: object, property: string | symbol): unknown {
  const value: unknown = Reflect.get(target, property, target)
  return typeof value === 'function' ? (value.bind(target) as Method) : value
}
