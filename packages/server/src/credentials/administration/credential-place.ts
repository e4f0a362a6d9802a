/** Where a credential is kept, and what has to be read back after it changed. */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type {
  AuditRecords,
  ControlDatabase,
  CredentialRecords,
  RegionDatabase,
  RegionTransaction,
  UseRecords,
} from '../../ports/store.ts'
import type { Change } from '../authority.ts'
import type { AdministrationDeps } from './context.ts'
import type { CredentialOwner } from './issued.ts'

/** The records every kind of database has. */
export type SharedTransaction = CredentialRecords & AuditRecords & UseRecords

export interface CredentialPlace {
  readonly owner: CredentialOwner
  readonly change: Change
  readonly code: string
  /** Undefined: the control database. */
  readonly region: RegionDatabase | undefined
  /** @param work gets the region's transaction too, where there is a region. */
  transaction<R>(
    work: (transaction: SharedTransaction, region: RegionTransaction | undefined) => Promise<R>,
  ): Promise<R>
}

type Deps = Pick<AdministrationDeps, 'authority' | 'store'>

/** @returns undefined for an app that is not there. */
export function placeOfOwner(
  { tenantId, appId }: CredentialOwner,
  { authority, store }: Deps,
): CredentialPlace | undefined {
  if (appId === undefined) {
    const isOperators = tenantId === undefined
    const change: Change = isOperators ? { kind: 'operators' } : { kind: 'tenant', tenantId }
    return inControl(store.control, { owner: { tenantId, appId }, change })
  }
  const loaded = authority.apps.findById(appId)
  if (loaded === undefined) return undefined
  const region = authority.regionOf(loaded.app)
  return {
    owner: { tenantId: loaded.tenant.id, appId },
    change: { kind: 'app', region: region.region, appId },
    code: region.code,
    region,
    transaction: (work) => region.transaction((transaction) => work(transaction, transaction)),
  }
}

/** @returns the place of a credential this node knows. */
export function placeOfCredential(
  record: Pick<CredentialRecord, 'kind' | 'tenantId' | 'appId'>,
  deps: Deps,
): CredentialPlace | undefined {
  if (record.kind !== 'operator_key') return placeOfOwner(record, deps)
  // A tenant's operator keys are found by key id like all others.
  const owner = { tenantId: record.tenantId, appId: undefined }
  return inControl(deps.store.control, { owner, change: { kind: 'operators' } })
}

function inControl(
  control: ControlDatabase,
  of: { readonly owner: CredentialOwner; readonly change: Change },
): CredentialPlace {
  return {
    ...of,
    code: control.code,
    region: undefined,
    transaction: (work) => control.transaction((transaction) => work(transaction, undefined)),
  }
}
