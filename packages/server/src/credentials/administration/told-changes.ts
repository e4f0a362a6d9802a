/**
 * Changes of credentials, told live once they are committed: never inside the transaction, so that
 * nobody hears of what was rolled back.
 */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AdministrationDeps } from './context.ts'

/** @param change the row that was committed; a policy is no credential, and its change not told. */
export function tellChange(
  change: {
    readonly action: AuditAction
    readonly credential: CredentialRecord
    readonly versionId: string | undefined
  },
  { events, clock }: Pick<AdministrationDeps, 'events' | 'clock'>,
): void {
  const { action, credential, versionId } = change
  const { id: credentialId, kind, tenantId, appId } = credential
  if (!isTold(action) || !events.isWanted('credential.changed', appId)) return
  const details = { action, credentialId, kind, versionId }
  events.tell({ type: 'credential.changed', atMs: clock.nowMs(), tenantId, appId, details })
}

/** Of new credentials, each with its first version. */
export function tellCreated(
  credentials: readonly CredentialRecord[],
  deps: Pick<AdministrationDeps, 'events' | 'clock'>,
): void {
  for (const credential of credentials) {
    const versionId = credential.versions[0]?.id
    tellChange({ action: 'credential.created', credential, versionId }, deps)
  }
}

function isTold(action: AuditAction): boolean {
  return /^(secret|rotation|credential)\./.test(action)
}

/** @returns the version a move made; else the one it made current; else the first it changed. */
export function changedVersion(
  before: CredentialRecord,
  after: CredentialRecord,
): string | undefined {
  const states = new Map(before.versions.map(({ id, state }) => [id, state]))
  const changed = after.versions.filter(({ id, state }) => states.get(id) !== state)
  const made = changed.find(({ id }) => !states.has(id))
  return (made ?? changed.find(({ state }) => state === 'current') ?? changed[0])?.id
}
