/** Who holds an operator key: the only door of the administration. */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../core/refusals.ts'
import type { Source } from '../core/source.ts'
import type { Clock } from '../ports/clock.ts'
import type { Role } from '../ports/records/tenant.ts'
import type { ControlDatabase } from '../ports/store.ts'
import { isAccepted } from './engine/reading.ts'
import { parseKey } from './key-format.ts'
import { namedBearer, NO_OWNER, type RecordDenial, retiredAttempt } from './audit/denied-access.ts'
import type { SecretCheck } from './secret-check.ts'
import type { TenantDirectory } from './tenant-directory.ts'
import type { UseRecorder } from './use-recorder.ts'

export interface OperatorPrincipal {
  readonly credentialId: string
  readonly versionId: string
  readonly name: string
  readonly role: Role
  /** Undefined: the whole installation. */
  readonly tenantId: string | undefined
}

export interface OperatorDeps {
  readonly tenants: TenantDirectory
  readonly check: SecretCheck
  readonly clock: Clock
  readonly uses: UseRecorder
  readonly control: ControlDatabase
  readonly recordDenial: RecordDenial
}

/**
 * A key that is refused is in the audit: of its tenant, or of the installation.
 * @returns one refusal for every way in which a key is not valid (ASVS 6.3.8).
 */
export async function authenticateOperator(
  token: string,
  source: Source,
  deps: OperatorDeps,
): Promise<Result<OperatorPrincipal, RefusalCode>> {
  const parsed = parseKey(token)
  const failed = { action: 'auth.failed', reason: 'credential_invalid', source } as const
  // What is mistyped or made up costs a checksum and no look-up.
  if (!parsed.ok || parsed.value.prefix !== 'op') {
    deps.recordDenial({ ...failed, target: namedBearer(token) }, NO_OWNER)
    return refuse('credential_invalid')
  }
  const { keyId } = parsed.value
  let { entry, match } = findKey(token, keyId, deps)
  const owner = { tenantId: entry?.credential.tenantId }
  if (match?.outcome === 'accepted' && !deps.check.isConfirmed(match.version)) {
    const isRight = await deps.check.confirm(token, match.version)
    // The slow hash takes time enough to revoke the key: what counts is how it is now.
    ;({ entry, match } = isRight ? findKey(token, keyId, deps) : { entry, match: undefined })
  }
  if (entry === undefined || match === undefined) {
    deps.recordDenial({ ...failed, target: namedBearer(token) }, owner)
    return refuse('credential_invalid')
  }
  const { credential } = entry
  const use = { credentialId: credential.id, versionId: match.version.id, outcome: match.outcome }
  deps.uses.record(use, source, deps.control)
  const { role } = credential.attributes
  if (match.outcome !== 'accepted' || role === undefined) {
    deps.recordDenial({ ...retiredAttempt(use), source }, owner)
    return refuse('credential_invalid')
  }
  // A key of a suspended tenant still administers it: somebody has to be able to mend it.
  const { name, tenantId } = credential
  return ok({ credentialId: credential.id, versionId: match.version.id, name, role, tenantId })
}

function findKey(token: string, keyId: string, { tenants, check, clock }: OperatorDeps) {
  const entry = tenants.findOperator(keyId)
  const versions = entry === undefined ? [] : [entry.version]
  return { entry, match: check.match(token, versions, clock.nowMs()) }
}

/** Whether the key a call came by still holds, for the same tenant and in the same role. */
export function operatorHolds(
  { credentialId, versionId, role, tenantId }: OperatorPrincipal,
  { tenants, clock }: Pick<OperatorDeps, 'tenants' | 'clock'>,
): boolean {
  const record = tenants.findCredential(credentialId)
  const version = record?.versions.find(({ id }) => id === versionId)
  if (record === undefined || version === undefined) return false
  if (record.attributes.role !== role || record.tenantId !== tenantId) return false
  return isAccepted(version, clock.nowMs())
}
