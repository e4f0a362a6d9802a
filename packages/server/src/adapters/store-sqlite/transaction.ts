/**
 * The reads and writes of one transaction, as queries that run on any database Kysely knows.
 */
import type { Transaction } from 'kysely'
import {
  type AppRecord,
  type AppSettings,
  Conflict,
  type SigningKeyRecord,
  type StoreTransaction,
  type TenantRecord,
} from '../../ports/store.ts'
import type { AppRow, ControlDatabase, SigningKeyRow, TenantRow } from './schema.ts'

export class SqlTransaction implements StoreTransaction {
  readonly #database: Transaction<ControlDatabase>
  readonly #running = new Set<Promise<unknown>>()
  #isOver = false
  #failure: Error | undefined

  constructor(database: Transaction<ControlDatabase>) {
    this.#database = database
  }

  findTenant(id: string): Promise<TenantRecord | undefined> {
    return this.#run(async () => {
      const row = await this.#database
        .selectFrom('tenants')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && tenantOf(row)
    })
  }

  listTenants(): Promise<readonly TenantRecord[]> {
    return this.#run(async () => {
      const rows = await this.#database
        .selectFrom('tenants')
        .selectAll()
        .orderBy('created_at_ms')
        .orderBy('id')
        .execute()
      return rows.map(tenantOf)
    })
  }

  saveTenant(tenant: TenantRecord): Promise<void> {
    const { id, ...values } = rowOfTenant(tenant)
    return this.#run(async () => {
      await this.#database
        .insertInto('tenants')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute()
    })
  }

  findApp(id: string): Promise<AppRecord | undefined> {
    return this.#run(async () => {
      const row = await this.#database
        .selectFrom('apps')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row && appOf(row)
    })
  }

  listApps(): Promise<readonly AppRecord[]> {
    return this.#run(async () => {
      const rows = await this.#database
        .selectFrom('apps')
        .selectAll()
        .orderBy('created_at_ms')
        .orderBy('id')
        .execute()
      return rows.map(appOf)
    })
  }

  saveApp(app: AppRecord): Promise<void> {
    const { id, ...values } = rowOfApp(app)
    return this.#run(async () => {
      await this.#database
        .insertInto('apps')
        .values({ id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute()
    })
  }

  listSigningKeys(): Promise<readonly SigningKeyRecord[]> {
    return this.#run(async () => {
      const rows = await this.#database
        .selectFrom('signing_keys')
        .selectAll()
        .orderBy('created_at_ms')
        .orderBy('key')
        .execute()
      return rows.map(signingKeyOf)
    })
  }

  saveSigningKey(record: SigningKeyRecord): Promise<void> {
    const row = rowOfSigningKey(record)
    return this.#run(async () => {
      const { numInsertedOrUpdatedRows } = await this.#database
        .insertInto('signing_keys')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .column('key')
            .doUpdateSet({ sealed_secret: row.sealed_secret, created_at_ms: row.created_at_ms })
            .where('signing_keys.app_id', '=', row.app_id),
        )
        .executeTakeFirstOrThrow()
      if (numInsertedOrUpdatedRows !== 1n) throw new Conflict('signing_key')
    })
  }

  removeSigningKey(key: string): Promise<void> {
    return this.#run(async () => {
      await this.#database.deleteFrom('signing_keys').where('key', '=', key).execute()
    })
  }

  /**
   * Refuses every later call and waits for running ones, so that nothing is written after the
   * commit or rollback that follows.
   */
  async end(): Promise<void> {
    this.#isOver = true
    if (this.#running.size === 0) return
    this.#failure ??= new Error('a call of this transaction was not awaited')
    await Promise.allSettled(this.#running)
  }

  /** @throws the first failure of a call, even where the caller went on after it. */
  assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async #run<T>(step: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new Error('this transaction is over')
    this.assertSound()
    const running = step()
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error('a call failed')
      throw error
    } finally {
      this.#running.delete(running)
    }
  }
}

function tenantOf(row: TenantRow): TenantRecord {
  const { id, short_id: shortId, name, state, created_at_ms: createdAtMs } = row
  return { id, shortId, name, state, createdAtMs }
}

function rowOfTenant({ id, shortId, name, state, createdAtMs }: TenantRecord): TenantRow {
  return { id, short_id: shortId, name, state, created_at_ms: createdAtMs }
}

function appOf(row: AppRow): AppRecord {
  const { id, name, region, plan } = row
  return {
    id,
    tenantId: row.tenant_id,
    name,
    region,
    plan,
    settings: JSON.parse(row.settings) as AppSettings, // only rowOfApp writes this column
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
  }
}

function rowOfApp({ id, tenantId, name, region, plan, ...rest }: AppRecord): AppRow {
  return {
    id,
    tenant_id: tenantId,
    name,
    region,
    plan,
    settings: JSON.stringify(rest.settings),
    created_at_ms: rest.createdAtMs,
    updated_at_ms: rest.updatedAtMs,
  }
}

function signingKeyOf(row: SigningKeyRow): SigningKeyRecord {
  return {
    key: row.key,
    appId: row.app_id,
    sealedSecret: new Uint8Array(Buffer.from(row.sealed_secret, 'base64')),
    createdAtMs: row.created_at_ms,
  }
}

function rowOfSigningKey({ key, appId, sealedSecret, createdAtMs }: SigningKeyRecord) {
  return {
    key,
    app_id: appId,
    sealed_secret: Buffer.from(sealedSecret).toString('base64'),
    created_at_ms: createdAtMs,
  } satisfies SigningKeyRow
}
