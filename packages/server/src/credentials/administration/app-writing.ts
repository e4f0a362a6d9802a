/**
 * Writes an app: its names in the control database, the app with its credentials and audit rows in
 * its region, then the names for good. Names that come or go are `reserved` while that happens, so
 * a crash in between leaves nothing that the next start cannot finish or give back.
 */
import { relianceOn } from '../../core/reliance.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { DirectoryEntry } from '../../ports/records/directory.ts'
import type { RevocationRecord } from '../../ports/records/revocation.ts'
import { Conflict, type RegionTransaction } from '../../ports/store.ts'
import { APP_NAME_KINDS, type Name, namesOfApp, namesOfCredential, reserved } from '../app-names.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { settleNamesOf } from '../name-resumption.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { recordNewCredential } from './credential-making.ts'
import { REVOCATION_KEPT_MS } from './revocations.ts'
import { tellCreated } from './told-changes.ts'

export interface AppWriting {
  readonly app: AppRecord
  /** As the caller knew it; undefined for a new app. */
  readonly before: AppRecord | undefined
  readonly action: AuditAction
  readonly caller: Caller
  readonly reason?: string | undefined
  /** New credentials of the app. */
  readonly made: readonly CredentialRecord[]
  /** Credentials that are removed; refresh families that rest on them end. */
  readonly gone: readonly CredentialRecord[]
}

/**
 * @returns how many refresh families ended.
 * @throws Conflict with the kind of a name that is taken; `stale_revision` when somebody else
 * changed the app first. Outage.
 */
export async function writeApp(
  writing: AppWriting,
  deps: AdministrationDeps,
): Promise<{ readonly familyCount: number }> {
  const { app, made, gone } = writing
  const region = deps.authority.regionOf(app)
  const wanted = [...appNames(app, deps), ...made.flatMap(namesOfCredential)]
  const left = await prepareNames({ app, wanted, gone: gone.flatMap(namesOfCredential) }, deps)
  const familyCount = await settledOnFailure(app, deps, () =>
    region.transaction((transaction) => writeRecords(writing, transaction, deps)),
  )
  tellCreated(made, deps)
  await deps.store.control.transaction(async (transaction) => {
    await transaction.releaseNames(left)
    await transaction.confirmNames(app.id)
  })
  return { familyCount }
}

/**
 * Deletes an app with its credentials and families; its audit rows stay.
 * @returns how many refresh families ended, and what keeps tokens from a later app of the same id.
 * @throws Conflict `stale_revision`, Outage
 */
export async function eraseApp(
  erasing: Pick<AppWriting, 'app' | 'caller' | 'reason'>,
  deps: AdministrationDeps,
): Promise<{ readonly familyCount: number; readonly record: RevocationRecord }> {
  const { app, caller, reason } = erasing
  const region = deps.authority.regionOf(app)
  const nowMs = deps.clock.nowMs()
  const record: RevocationRecord = {
    reliance: relianceOn({ kind: 'app', appId: app.id }),
    tenantId: app.tenantId,
    atMs: nowMs,
    untilMs: nowMs + REVOCATION_KEPT_MS,
  }
  const left = await prepareNames({ app, wanted: [], gone: 'all' }, deps)
  const familyCount = await settledOnFailure(app, deps, () =>
    region.transaction(async (transaction) => {
      await assertUnchanged(transaction, app, app)
      const count = await transaction.revokeFamilies({ by: 'app', appId: app.id }, nowMs)
      const { id, tenantId, name } = app
      const target = { kind: 'app', id, name }
      const before = describeApp(app)
      await deps.audit.record(
        { code: region.code, transaction },
        changeEntry(caller, { tenantId, action: 'app.deleted', target, reason, before }),
      )
      await transaction.removeApp(id)
      await transaction.saveRevocation(record)
      return count
    }),
  )
  await deps.store.control.transaction((transaction) => transaction.releaseNames(left))
  return { familyCount, record }
}

/** @returns what of an app the audit log shows; nothing of it is secret. */
export function describeApp(app: AppRecord): AuditDetail {
  const { name, region, type, clientId, subscription, allowedDomains, settings } = app
  return { name, region, type, clientId, subscription, allowedDomains, settings }
}

function appNames(app: AppRecord, { authority }: AdministrationDeps): readonly Name[] {
  const { subscription, tenantId } = app
  const plan = subscription && authority.tenants.findPlan(tenantId, subscription.plan)
  return namesOfApp(app, plan?.isOnePerTenant === true)
}

interface NameChange {
  readonly app: AppRecord
  readonly wanted: readonly Name[]
  /** Names of credentials that go. */
  readonly gone: readonly Name[] | 'all'
}

/** Takes the new names, and marks those that go as in doubt. @returns those that go. */
async function prepareNames(
  { app, wanted, gone }: NameChange,
  { store, clock }: AdministrationDeps,
): Promise<readonly DirectoryEntry[]> {
  const isLeft = (entry: DirectoryEntry) =>
    gone === 'all' ||
    isAmong(gone, entry) ||
    (APP_NAME_KINDS.has(entry.kind) && !isAmong(wanted, entry))
  return store.control.transaction(async (transaction) => {
    const held = await transaction.listNames({ appId: app.id })
    const left = held.filter(isLeft)
    const fresh = wanted.filter((name) => !isAmong(held, name))
    await transaction.releaseNames(left)
    await transaction.reserveNames(reserved([...left, ...fresh], app, clock.nowMs()))
    return left
  })
}

function isAmong(names: readonly Name[], { kind, value }: Name): boolean {
  return names.some((name) => name.kind === kind && name.value === value)
}

async function writeRecords(
  writing: AppWriting,
  transaction: RegionTransaction,
  deps: AdministrationDeps,
): Promise<number> {
  const { app, before, action, caller, reason, made, gone } = writing
  await assertUnchanged(transaction, before, app)
  const { code } = deps.authority.regionOf(app)
  const nowMs = deps.clock.nowMs()
  await transaction.saveApp(app)
  const { id, tenantId, name } = app
  const described = {
    tenantId,
    action,
    reason,
    target: { kind: 'app', id, name },
    ...(before === undefined ? {} : { before: describeApp(before) }),
    after: { ...describeApp(app), dropped: gone.map((record) => record.id) },
  }
  await deps.audit.record({ code, transaction }, changeEntry(caller, described))
  let familyCount = 0
  for (const record of gone) {
    for (const { id: versionId } of record.versions) {
      familyCount += await transaction.revokeFamilies({ by: 'version', versionId }, nowMs)
    }
    await transaction.removeCredential(record.id)
  }
  for (const record of made) {
    await recordNewCredential(record, { transaction, code, caller }, deps)
  }
  return familyCount
}

/** What is written was worked out from what the caller knew. @throws Conflict `stale_revision` */
async function assertUnchanged(
  transaction: RegionTransaction,
  known: AppRecord | undefined,
  { id }: Pick<AppRecord, 'id'>,
): Promise<void> {
  const stored = await transaction.findApp(id)
  if (stored?.updatedAtMs !== known?.updatedAtMs) throw new Conflict('stale_revision')
}

/** What the region says decides about the names; where it does not answer, the next start asks. */
async function settledOnFailure<T>(
  app: AppRecord,
  { store }: AdministrationDeps,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await Promise.allSettled([settleNamesOf(store, app.id)])
    throw error
  }
}
