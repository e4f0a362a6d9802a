/**
 * One transaction over maps: writes go to copies that take the place of the originals at the
 * commit. Records are copied on the way in and out, so nobody can change what is stored.
 */
import {
  type AppRecord,
  Conflict,
  type ConflictRule,
  type SigningKeyRecord,
  type StoreTransaction,
  type TenantRecord,
} from '../../ports/store.ts'

export interface Records {
  readonly tenants: ReadonlyMap<string, TenantRecord>
  readonly apps: ReadonlyMap<string, AppRecord>
  readonly signingKeys: ReadonlyMap<string, SigningKeyRecord>
}

export class MemoryTransaction implements StoreTransaction {
  readonly #tenants: Map<string, TenantRecord>
  readonly #apps: Map<string, AppRecord>
  readonly #signingKeys: Map<string, SigningKeyRecord>
  #isOver = false
  #failure: Conflict | undefined

  constructor(records: Records) {
    this.#tenants = new Map(records.tenants)
    this.#apps = new Map(records.apps)
    this.#signingKeys = new Map(records.signingKeys)
  }

  async findTenant(id: string): Promise<TenantRecord | undefined> {
    this.#assertUsable()
    return structuredClone(this.#tenants.get(id))
  }

  async listTenants(): Promise<readonly TenantRecord[]> {
    this.#assertUsable()
    return oldestFirst(this.#tenants)
  }

  async saveTenant(tenant: TenantRecord): Promise<void> {
    this.#assertUsable()
    for (const other of this.#tenants.values())
      if (other.shortId === tenant.shortId && other.id !== tenant.id) this.#fail('tenant_short_id')
    this.#tenants.set(tenant.id, structuredClone(tenant))
  }

  async findApp(id: string): Promise<AppRecord | undefined> {
    this.#assertUsable()
    return structuredClone(this.#apps.get(id))
  }

  async listApps(): Promise<readonly AppRecord[]> {
    this.#assertUsable()
    return oldestFirst(this.#apps)
  }

  async saveApp(app: AppRecord): Promise<void> {
    this.#assertUsable()
    if (!this.#tenants.has(app.tenantId)) this.#fail('unknown_parent')
    for (const other of this.#apps.values()) {
      const hasSameName = other.tenantId === app.tenantId && other.name === app.name
      if (hasSameName && other.id !== app.id) this.#fail('app_name')
    }
    this.#apps.set(app.id, structuredClone(app))
  }

  async listSigningKeys(): Promise<readonly SigningKeyRecord[]> {
    this.#assertUsable()
    return oldestFirst(this.#signingKeys)
  }

  async saveSigningKey(record: SigningKeyRecord): Promise<void> {
    this.#assertUsable()
    const owner = this.#signingKeys.get(record.key)?.appId
    if (owner !== undefined && owner !== record.appId) this.#fail('signing_key')
    if (!this.#apps.has(record.appId)) this.#fail('unknown_parent')
    this.#signingKeys.set(record.key, structuredClone(record))
  }

  async removeSigningKey(key: string): Promise<void> {
    this.#assertUsable()
    this.#signingKeys.delete(key)
  }

  /**
   * @returns the records as they are after this transaction.
   * @throws the first conflict, even where the caller went on after it.
   */
  commit(): Records {
    if (this.#failure !== undefined) throw this.#failure
    return { tenants: this.#tenants, apps: this.#apps, signingKeys: this.#signingKeys }
  }

  /** Refuses every later call, so that nothing is written outside the transaction. */
  end(): void {
    this.#isOver = true
  }

  #assertUsable(): void {
    if (this.#isOver) throw new Error('this transaction is over')
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(rule: ConflictRule): never {
    this.#failure = new Conflict(rule)
    throw this.#failure
  }
}

type Stored = { readonly createdAtMs: number }

/** The order every store lists in: creation time, then id. */
function oldestFirst<T extends Stored>(records: ReadonlyMap<string, T>): T[] {
  return [...records.entries()]
    .sort(([a, one], [b, other]) => one.createdAtMs - other.createdAtMs || (a < b ? -1 : 1))
    .map(([, record]) => structuredClone(record))
}
