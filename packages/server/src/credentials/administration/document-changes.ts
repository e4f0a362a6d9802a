/**
 * What people do with documents: see which are kept, delete one. The audit says who asked, before
 * it is gone.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { DocumentSummary } from '../../ports/document-store.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** Documents that somebody has open on this node. */
export interface OpenDocuments {
  isOpen(app: AppRecord, name: string): boolean
  /** Sends away whoever has it open, and removes what is kept of it. @throws Outage */
  remove(app: AppRecord, name: string): Promise<void>
}

export interface ShownDocument extends DocumentSummary {
  readonly isOpen: boolean
}

type Refused<T> = Promise<Result<T, AdminRefusalCode>>

export class DocumentChanges {
  readonly #deps: Pick<AdministrationDeps, 'authority' | 'audit'>
  readonly #open: OpenDocuments

  constructor(deps: Pick<AdministrationDeps, 'authority' | 'audit'>, open: OpenDocuments) {
    this.#deps = deps
    this.#open = open
  }

  /** By name. @throws Outage */
  async list(page: {
    readonly appId: string
    /** Undefined: from the first. */
    readonly after: string | undefined
    readonly countMax: number
  }): Refused<readonly ShownDocument[]> {
    const app = this.#find(page.appId)
    if (app === undefined) return refuse('not_found')
    const kept = await this.#deps.authority.regionOf(app).documents.list(page)
    return ok(kept.map((each) => ({ ...each, isOpen: this.#open.isOpen(app, each.name) })))
  }

  /** @param request its name as it was checked. @throws Outage */
  async delete(
    { appId, name, reason }: { readonly appId: string; name: string; reason: string },
    caller: Caller,
  ): Refused<{ readonly name: string; readonly wasOpen: boolean }> {
    const app = this.#find(appId)
    if (app === undefined) return refuse('not_found')
    const region = this.#deps.authority.regionOf(app)
    const target = { kind: 'app', id: app.id, name: app.name }
    const { tenantId } = app
    const after = { document: name }
    const described = { tenantId, action: 'document.deleted', target, reason, after } as const
    const entry = changeEntry(caller, described)
    await region.transaction((transaction) =>
      this.#deps.audit.record({ code: region.region, transaction }, entry),
    )
    const wasOpen = this.#open.isOpen(app, name)
    await this.#open.remove(app, name)
    return ok({ name, wasOpen })
  }

  #find(appId: string): AppRecord | undefined {
    return this.#deps.authority.apps.findById(appId)?.app
  }
}
