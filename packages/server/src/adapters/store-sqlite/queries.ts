/** Builders of typed queries. They only make SQL; a `Group` or a `Writer` runs it. Pure. */
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { ControlTables, RegionTables, SharedTables } from './schema.ts'

function builderOf<Tables>(): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (database) => new SqliteIntrospector(database),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  })
}

export const shared = builderOf<SharedTables>()
export const control = builderOf<ControlTables>()
export const region = builderOf<RegionTables>()
