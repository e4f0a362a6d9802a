/**
 * Changes of tenants, each in one transaction with its audit row, then made known to every node,
 * then felt by the live connections of the tenant.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { SigningAlgorithm, TenantRecord } from '../../ports/records/tenant.ts'
import { Conflict } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { newShortId, randomUuid } from '../identifiers.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { recordNewCredential } from './credential-making.ts'
import type { Revocations } from './revocations.ts'
import { makeSigningKey } from './signing-keys.ts'
import { tellCreated } from './told-changes.ts'

/** Our bound: all tenants are in memory. */
export const TENANT_COUNT_MAX = 100_000

export interface NewTenant {
  readonly name: string
  /** UUID; undefined: one is made. */
  readonly id?: string | undefined
  readonly shortId?: string | undefined
  readonly signingAlgorithm?: SigningAlgorithm | undefined
  /** Undefined: active. */
  readonly state?: 'pending' | 'active' | undefined
}

export interface TenantUpdate {
  readonly tenantId: string
  readonly name?: string | undefined
  readonly signingAlgorithm?: SigningAlgorithm | undefined
}

interface OfTenant {
  readonly tenantId: string
  readonly reason?: string | undefined
}

/** How the audit log names a change. */
interface Recorded {
  readonly action: AuditAction
  readonly caller: Caller
}

type Changed<T> = Promise<Result<T, AdminRefusalCode>>

export class TenantChanges {
  readonly #deps: AdministrationDeps
  readonly #revocations: Revocations

  constructor(deps: AdministrationDeps, revocations: Revocations) {
    this.#deps = deps
    this.#revocations = revocations
  }

  /** The key its tokens are signed with is made with it. @throws Outage before anything was made */
  async create(request: NewTenant, caller: Caller): Changed<TenantRecord> {
    const { authority, store, random, clock, audit } = this.#deps
    if ([...authority.tenants.tenants()].length >= TENANT_COUNT_MAX) return refuse('count_full')
    const tenant: TenantRecord = {
      id: request.id?.toLowerCase() ?? randomUuid(random),
      shortId: request.shortId ?? newShortId(random),
      name: request.name,
      state: request.state ?? 'active',
      signingAlgorithm: request.signingAlgorithm ?? 'ES256',
      createdAtMs: clock.nowMs(),
    }
    const key = await makeSigningKey(tenant, caller, this.#deps)
    const place = { code: store.control.code, caller }
    const saved = await orTaken(() =>
      store.control.transaction(async (transaction) => {
        if ((await transaction.findTenant(tenant.id)) !== undefined) return refuse('id_taken')
        await transaction.saveTenant(tenant)
        const { id, name } = tenant
        const target = { kind: 'tenant', id, name }
        const after = describe(tenant)
        await audit.record(
          { ...place, transaction },
          changeEntry(caller, { tenantId: id, action: 'tenant.created', target, after }),
        )
        await recordNewCredential(key, { ...place, transaction }, this.#deps)
        return ok(tenant)
      }),
    )
    if (!saved.ok) return saved
    tellCreated([key], this.#deps)
    await authority.changed({ kind: 'tenant', tenantId: tenant.id })
    return saved
  }

  /** A new algorithm takes effect with the next signing key. */
  update({ tenantId, ...request }: TenantUpdate, caller: Caller): Changed<TenantRecord> {
    return this.#change({ tenantId, action: 'tenant.updated', caller }, (tenant) => ({
      ...tenant,
      name: request.name ?? tenant.name,
      signingAlgorithm: request.signingAlgorithm ?? tenant.signingAlgorithm,
    }))
  }

  activate(request: OfTenant, caller: Caller): Changed<TenantRecord> {
    return this.#change({ ...request, action: 'tenant.activated', caller }, (tenant) => {
      return { ...tenant, state: 'active' }
    })
  }

  /** Tokens and connections are refused from here on; what is open closes before this resolves. */
  async suspend(
    request: OfTenant,
    caller: Caller,
  ): Changed<{ readonly tenant: TenantRecord; readonly receipt: Receipt }> {
    const changed = await this.#change(
      { ...request, action: 'tenant.suspended', caller },
      (tenant) => {
        return { ...tenant, state: 'suspended' }
      },
    )
    if (!changed.ok) return changed
    const nothingStored = { record: undefined, regions: [], familyCount: 0 }
    const target = { kind: 'tenant' as const, tenantId: request.tenantId }
    const receipt = await this.#revocations.carryOut(target, nothingStored)
    return ok({ tenant: changed.value, receipt })
  }

  async #change(
    { tenantId, reason, action, caller }: OfTenant & Recorded,
    move: (tenant: TenantRecord) => TenantRecord,
  ): Changed<TenantRecord> {
    const { authority, store, audit } = this.#deps
    const { control } = store
    const changed = await control.transaction(async (transaction) => {
      const before = await transaction.findTenant(tenantId)
      if (before === undefined) return refuse('not_found' as const)
      const after = move(before)
      await transaction.saveTenant(after)
      const target = { kind: 'tenant', id: tenantId, name: after.name }
      const described = { tenantId, action, target, reason }
      await audit.record(
        { code: control.code, transaction },
        changeEntry(caller, { ...described, before: describe(before), after: describe(after) }),
      )
      return ok(after)
    })
    if (changed.ok) await authority.changed({ kind: 'tenant', tenantId })
    return changed
  }
}

function describe({ shortId, name, state, signingAlgorithm }: TenantRecord): AuditDetail {
  return { shortId, name, state, signingAlgorithm }
}

async function orTaken<T>(work: () => Changed<T>): Changed<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Conflict && error.rule === 'tenant_short_id') return refuse('id_taken')
    throw error
  }
}
