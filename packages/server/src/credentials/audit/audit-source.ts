/** Where audit chains are read from: the databases of a store, or files without a server. */
import type { AuditRecords, Database, Store } from '../../ports/store.ts'

/** The control database first. */
export function databasesOf(store: Store): readonly Database<AuditRecords>[] {
  return [store.control, ...store.regions.values()]
}
