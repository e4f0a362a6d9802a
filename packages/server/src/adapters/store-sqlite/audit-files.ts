/**
 * The audit log in the files of a data directory, read without a server and without changing
 * anything: whoever verifies evidence must not be the one who alters it. Which regions there are is
 * told by the names of the files. Synchronous; for commands, never for a server.
 */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { CompiledQuery } from 'kysely'
import type { AuditDatabase, AuditSource } from '../../ports/audit-log.ts'
import type { InstallationKeyRecord } from '../../ports/records/installation.ts'
import { checkpointOf, installationKeyOf } from './control-rows.ts'
import { directoryOutage, storeError } from './failures.ts'
import { CONTROL_DATABASE_FILE, findDbCode, regionFileOf } from './file-names.ts'
import { control, shared } from './queries.ts'
import { auditRowOf, headOf } from './shared-transaction.ts'
import type { SqlValue } from './worker-protocol.ts'

export interface AuditFiles {
  readonly source: AuditSource
  /** Sealed, as they are stored. */
  readonly installationKeys: readonly InstallationKeyRecord[]
  close(): void
}

/** @throws Outage when there is no control database, or one cannot be read. */
export function openAuditFiles(dataDir: string): AuditFiles {
  const files = [
    { code: 'control', name: CONTROL_DATABASE_FILE },
    ...regionCodes(dataDir).map((code) => ({ code, name: regionFileOf(code) })),
  ]
  const open = files.map(({ code, name }) => new ReadOnlyFile(code, join(dataDir, name)))
  const [first] = open
  if (first === undefined) throw new Error('there is always a control database')
  return {
    source: {
      databases: open.map(databaseOf),
      tenantIds: async () => [
        ...first.all(control.selectFrom('tenants').select('id')).map(({ id }) => id),
        ...first
          .all(control.selectFrom('audit_checkpoints').select('tenant_id').distinct())
          .map(({ tenant_id: id }) => id),
      ],
      readCheckpoints: async ({ tenantId, afterSeq, countMax }) =>
        first
          .all(
            control
              .selectFrom('audit_checkpoints')
              .selectAll()
              .where('tenant_id', '=', tenantId)
              .where('seq', '>', afterSeq)
              .orderBy('seq')
              .limit(countMax),
          )
          .map(checkpointOf),
    },
    installationKeys: first
      .all(control.selectFrom('installation_keys').selectAll())
      .map(installationKeyOf),
    close() {
      for (const file of open) file.close()
    },
  }
}

function databaseOf(file: ReadOnlyFile): AuditDatabase {
  return {
    code: file.code,
    tenantIds: async () =>
      file.all(shared.selectFrom('audit_heads').select('tenant_id')).map(({ tenant_id: id }) => id),
    readPage: async ({ tenantId, afterSeq, countMax }) =>
      file.atOneTime(() => {
        const rows = shared
          .selectFrom('audit')
          .selectAll()
          .where('tenant_id', '=', tenantId)
          .where('seq', '>', afterSeq)
          .orderBy('seq')
          .limit(countMax)
        const heads = shared.selectFrom('audit_heads').selectAll().where('tenant_id', '=', tenantId)
        const [head] = file.all(heads)
        return { rows: file.all(rows).map(auditRowOf), head: head && headOf(head) }
      }),
  }
}

class ReadOnlyFile {
  readonly code: string
  readonly #path: string
  readonly #database: DatabaseSync

  constructor(code: string, path: string) {
    this.code = code
    this.#path = path
    this.#database = this.#guarded(() => new DatabaseSync(path, { readOnly: true }))
  }

  /** @returns no row of a file that was emptied: what is missing then is found by who compares. */
  all<R>(query: { compile(): CompiledQuery<R> }): readonly R[] {
    const { sql, parameters } = query.compile()
    return this.#guarded(() => {
      if (!this.#hasTables()) return []
      const rows = this.#database.prepare(sql).all(...(parameters as readonly SqlValue[]))
      return rows as unknown as readonly R[] // the columns of the query
    })
  }

  /** Everything `read` reads is of one moment, also while a server writes. */
  atOneTime<R>(read: () => R): R {
    this.#guarded(() => this.#database.exec('BEGIN'))
    try {
      return read()
    } finally {
      this.#guarded(() => this.#database.exec('COMMIT'))
    }
  }

  close(): void {
    this.#database.close()
  }

  #hasTables(): boolean {
    const found = this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").all()
    return found.length > 0
  }

  #guarded<R>(step: () => R): R {
    try {
      return step()
    } catch (error) {
      const resultCode =
        error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
          ? error.errcode
          : undefined
      const message = error instanceof Error ? error.message : String(error)
      throw storeError({ file: this.#path, resultCode, message }, dirname(this.#path))
    }
  }
}

function regionCodes(dataDir: string): readonly string[] {
  try {
    if (!existsSync(join(dataDir, CONTROL_DATABASE_FILE))) {
      throw Object.assign(new Error(`there is no ${CONTROL_DATABASE_FILE}`), { code: 'ENOENT' })
    }
    const names = readdirSync(dataDir).sort()
    return names.map(findDbCode).filter((code) => code !== undefined)
  } catch (error) {
    throw directoryOutage(error, dataDir)
  }
}
