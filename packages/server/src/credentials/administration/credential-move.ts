/**
 * One move of the engine, carried out: committed with its audit row and everything that ends with
 * it, then made known to every node, then felt by the live connections.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import { type RevocationTarget, relianceOn } from '../../core/reliance.ts'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import type { RevocationRecord } from '../../ports/records/revocation.ts'
import { Conflict, type RegionTransaction } from '../../ports/store.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { AuditDetail } from '../audit/entry.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { versionChanges } from '../engine/changes.ts'
import type { EngineRefusal, Move } from '../engine/moves.ts'
import { acceptedVersions, stateAt } from '../engine/reading.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { type CredentialPlace, placeOfCredential } from './credential-place.ts'
import { endsLastOwner } from './last-owner.ts'
import { addReceipts, EMPTY_RECEIPT } from './receipts.ts'
import { REVOCATION_KEPT_MS, type Revocations } from './revocations.ts'
import { changedVersion, tellChange } from './told-changes.ts'

export interface MoveRequest {
  readonly credentialId: string
  readonly action: AuditAction
  readonly caller: Caller
  readonly reason?: string | undefined
  /** More of it for the audit row; no value of a secret. */
  readonly detail?: AuditDetail
  /** Also ends what was issued under the versions that end: access tokens and their connections. */
  readonly isEmergency?: boolean
  /** The versions the move was prepared for; undefined: whatever is stored. */
  readonly expected?: CredentialRecord
  readonly move: (record: CredentialRecord, nowMs: number) => Move
}

export interface Moved {
  readonly before: CredentialRecord
  readonly after: CredentialRecord
  readonly receipt: Receipt
}

/** What one committed move has ended. */
interface Ended {
  readonly versionIds: readonly string[]
  /** No version of the credential is accepted any more. */
  readonly isWhole: boolean
  readonly familyCount: number
  readonly revocations: readonly RevocationRecord[]
}

/** @throws Outage before anything was changed. */
export async function carryOutMove(
  request: MoveRequest,
  deps: AdministrationDeps,
  revocations: Revocations,
): Promise<Result<Moved, AdminRefusalCode>> {
  const known = deps.authority.findCredential(request.credentialId)
  const place = known === undefined ? undefined : placeOfCredential(known, deps)
  if (place === undefined) return refuse('not_found')
  const committed = await commit(request, place, deps)
  if (!committed.ok) return committed
  const { before, after, ended } = committed.value
  const { action, detail } = request
  const named = detail?.['versionId']
  const versionId = typeof named === 'string' ? named : changedVersion(before, after)
  tellChange({ action, credential: after, versionId }, deps)
  for (const revocation of ended.revocations) deps.authority.revoked(revocation)
  await deps.authority.changed(place.change)
  if (place.region !== undefined && ended.revocations.length > 0) {
    await deps.authority.changed({ kind: 'revocations', region: place.region.region })
  }
  const receipt = await endLive(ended, { request, after, revocations })
  return ok({ before, after, receipt })
}

interface Committed {
  readonly before: CredentialRecord
  readonly after: CredentialRecord
  readonly ended: Ended
}

async function commit(
  request: MoveRequest,
  place: CredentialPlace,
  deps: AdministrationDeps,
): Promise<Result<Committed, AdminRefusalCode>> {
  const nowMs = deps.clock.nowMs()
  try {
    return await place.transaction(async (transaction, region) => {
      const before = await transaction.findCredential(request.credentialId)
      if (before === undefined) return refuse('not_found')
      // A value was prepared for what was there before: another change makes it somebody's loss.
      const { expected } = request
      if (expected !== undefined && statesOf(before) !== statesOf(expected)) {
        return refuse('changed_meanwhile')
      }
      const moved = request.move(before, nowMs)
      if (!moved.ok) return refuse(ADMIN_CODES[moved.refusal], moved.detail)
      const after = moved.value
      if (await endsLastOwner({ before, after }, transaction, nowMs)) return refuse('last_owner')
      await transaction.saveCredential(after)
      const ended = await endStored(
        { before, after, isEmergency: request.isEmergency === true, nowMs },
        region,
      )
      await deps.audit.record(
        { code: place.code, transaction },
        {
          tenantId: after.tenantId ?? INSTALLATION,
          actor: request.caller.actor,
          source: request.caller.source,
          requestId: request.caller.requestId,
          action: request.action,
          target: { kind: after.kind, id: after.id, name: after.name },
          outcome: 'success',
          ...(request.reason === undefined ? {} : { reason: request.reason }),
          before: { ...describeVersions(before, nowMs), ...changedTerms(before, after) },
          after: {
            ...describeVersions(after, nowMs),
            ...changedTerms(after, before),
            ...versionChanges(before, after, nowMs),
            familyCount: ended.familyCount,
            ...request.detail,
          },
        },
      )
      return ok({ before, after, ended })
    })
  } catch (error) {
    if (error instanceof Conflict && error.rule === 'stale_revision') {
      return refuse('changed_meanwhile')
    }
    throw error
  }
}

/** Ends what the store holds of versions that are no longer accepted. */
async function endStored(
  change: {
    readonly before: CredentialRecord
    readonly after: CredentialRecord
    readonly isEmergency: boolean
    readonly nowMs: number
  },
  region: RegionTransaction | undefined,
): Promise<Ended> {
  const { before, after, isEmergency, nowMs } = change
  const accepted = new Set(acceptedVersions(after, nowMs).map(({ id }) => id))
  const wasAccepted = acceptedVersions(before, nowMs)
  // Those first that may have live connections: they are closed before older ones are looked for.
  const wasOpen = isEmergency ? [...new Set([...wasAccepted, ...before.versions])] : wasAccepted
  const versionIds = wasOpen.map(({ id }) => id).filter((id) => !accepted.has(id))
  let familyCount = 0
  const revocations: RevocationRecord[] = []
  if (region !== undefined && after.kind === 'client_secret') {
    for (const versionId of versionIds) {
      familyCount += await region.revokeFamilies({ by: 'version', versionId }, nowMs)
      if (!isEmergency) continue
      const revocation = {
        reliance: relianceOn({ kind: 'version', versionId }),
        tenantId: after.tenantId ?? INSTALLATION,
        atMs: nowMs,
        untilMs: nowMs + REVOCATION_KEPT_MS,
      }
      await region.saveRevocation(revocation)
      revocations.push(revocation)
    }
  }
  const isWhole = accepted.size === 0 && versionIds.length > 0
  return { versionIds, isWhole, familyCount, revocations }
}

/** Closes what is live and rests on what ended. */
async function endLive(
  ended: Ended,
  context: {
    readonly request: MoveRequest
    readonly after: CredentialRecord
    readonly revocations: Revocations
  },
): Promise<Receipt> {
  const { after, request, revocations } = context
  const families = { ...EMPTY_RECEIPT, familyCount: ended.familyCount }
  // Access tokens outlive the secret that bought them, unless it is an emergency (seed 000).
  if (after.kind === 'client_secret' && request.isEmergency !== true) return families
  const targets: RevocationTarget[] = ended.isWhole
    ? [{ kind: 'credential', credentialId: after.id }]
    : []
  for (const versionId of ended.versionIds) targets.push({ kind: 'version', versionId })
  let receipt: Receipt = families
  for (const target of targets) {
    const made = { record: undefined, regions: [], familyCount: 0 }
    receipt = addReceipts(receipt, await revocations.carryOut(target, made))
  }
  return receipt
}

/** What a move builds on; sealing a value anew changes nothing of it. */
function statesOf({ versions }: CredentialRecord): string {
  return versions.map(({ id, state }) => `${id} ${state}`).join()
}

/** Ids, states and times: nothing of a value. */
function describeVersions(record: CredentialRecord, nowMs: number): AuditDetail {
  const describe = (version: VersionRecord) => ({
    id: version.id,
    number: version.number,
    state: stateAt(version, nowMs),
    ...(version.acceptUntilMs === undefined ? {} : { acceptUntilMs: version.acceptUntilMs }),
    ...(version.expiresAtMs === undefined ? {} : { expiresAtMs: version.expiresAtMs }),
  })
  const live = record.versions.filter(({ state }) => state !== 'removed' && state !== 'discarded')
  return { revision: record.revision, versions: live.map(describe) }
}

/** Name, scopes, limits, algorithms and policy where they differ: how they are here. */
function changedTerms(of: CredentialRecord, other: CredentialRecord): AuditDetail {
  const termsOf = ({ name, attributes, policy }: CredentialRecord) =>
    Object.entries({
      name,
      scopes: attributes.scopes ?? null,
      limits: attributes.limits ?? null,
      ruleSet: attributes.ruleSet ?? null,
      algorithms: attributes.algorithms ?? null,
      policy,
    })
  const others = termsOf(other).map(([, value]) => JSON.stringify(value))
  return Object.fromEntries(
    termsOf(of).filter(([, value], index) => JSON.stringify(value) !== others[index]),
  )
}

const ADMIN_CODES = {
  too_many_active: 'too_many_active_secrets',
  overlap_too_long: 'overlap_too_long',
  unknown_version: 'not_found',
  invalid_transition: 'invalid_transition',
  last_version: 'last_secret',
  expired: 'invalid_transition',
  not_extendable: 'invalid_transition',
  deadline_invalid: 'input_invalid',
  custom_not_allowed: 'custom_value_denied',
  policy_denied: 'policy_denied',
  already_fetched: 'already_fetched',
  fetch_expired: 'fetch_expired',
} as const satisfies Record<EngineRefusal, AdminRefusalCode>

/** @returns the refusal of the engine as callers of the administration see it. */
export function adminRefusal(refusal: EngineRefusal): AdminRefusalCode {
  return ADMIN_CODES[refusal]
}
