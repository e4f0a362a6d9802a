/**
 * The apps as the message path knows them: in memory, by id and by public key, never a database
 * read. Loaded before the server is ready and replaced as a whole when an app changes.
 */
import type { AppRecord, TenantRecord } from '../ports/store.ts'

/** An app with its signing secrets opened. Lives in memory only; never logged or serialized. */
export interface LoadedApp {
  readonly app: AppRecord
  readonly tenant: TenantRecord
  readonly signingKeys: readonly { readonly key: string; readonly secret: Uint8Array }[]
}

export class AppDirectory {
  #byId = new Map<string, LoadedApp>()
  #byKey = new Map<string, LoadedApp>()

  /** Puts `apps` in the place of everything known. */
  replace(apps: readonly LoadedApp[]): void {
    this.#byId = new Map(apps.map((loaded) => [loaded.app.id, loaded]))
    this.#byKey = new Map(
      apps.flatMap((loaded) => loaded.signingKeys.map(({ key }) => [key, loaded] as const)),
    )
  }

  findById(id: string): LoadedApp | undefined {
    return this.#byId.get(id)
  }

  findByKey(key: string): LoadedApp | undefined {
    return this.#byKey.get(key)
  }

  get size(): number {
    return this.#byId.size
  }
}
