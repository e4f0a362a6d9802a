/**
 * The audit log as who verifies it reads it: page by page, so that memory does not grow with it.
 * Implemented over the databases of a store, over files without a server, and over the
 * administration of another machine.
 */
import type { AuditCheckpoint, AuditHead, AuditRow } from './records/audit.ts'
import type { AuditPageQuery } from './store.ts'

export interface AuditPage {
  readonly rows: readonly AuditRow[]
  /** As it was when the rows were read; `unknown` where only rows can be read. */
  readonly head: AuditHead | 'unknown' | undefined
}

export interface AuditDatabase {
  readonly code: string
  /** @returns the tenants that have a head. @throws Outage */
  tenantIds(): Promise<readonly string[]>
  /** @throws Outage */
  readPage(query: AuditPageQuery): Promise<AuditPage>
}

export interface AuditSource {
  readonly databases: readonly AuditDatabase[]
  /** @returns tenants that are known otherwise: by their record, or by a checkpoint. */
  tenantIds(): Promise<readonly string[]>
  /** @throws Outage */
  readCheckpoints(query: AuditPageQuery): Promise<readonly AuditCheckpoint[]>
}
