/**
 * Changes of credentials of every kind, each one move of the engine: `credential-move.ts` carries
 * it out. Values leave in the answer of `create`, `rotate` and `stage` and are kept nowhere.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { checkScopes } from '../scopes.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { Move } from '../engine/moves.ts'
import * as retirement from '../engine/retirement.ts'
import * as rotation from '../engine/rotation.ts'
import { changeTerms, type TermsRequest } from '../engine/terms.ts'
import { SYSTEM } from './callers.ts'
import { checkUserTerms } from './mqtt-users.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { carryOutMove, type MoveRequest } from './credential-move.ts'
import { makeCredential, saveNewCredential } from './credential-making.ts'
import { placeOfOwner } from './credential-place.ts'
import type {
  IssuedCredential,
  NewCredential,
  RotationOutcome,
  RotationRequest,
  VersionRequest,
} from './issued.ts'
import { withNames } from './credential-names.ts'
import { isRegistered } from '../engine/reading.ts'
import { checkKeyLimits } from './limit-texts.ts'
import { knownValues } from './known-values.ts'
import { readUses, type UseReport } from './readiness.ts'
import type { Revocations } from './revocations.ts'
import { type MadeVersion, makeVersion } from './version-making.ts'

export interface CredentialChangeParts {
  readonly revocations: Revocations
  readonly uses: UseReport
}

type CredentialResult = Promise<Result<CredentialRecord, AdminRefusalCode>>

export class CredentialChanges {
  readonly #deps: AdministrationDeps
  readonly #parts: CredentialChangeParts

  constructor(deps: AdministrationDeps, parts: CredentialChangeParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** @throws Outage before anything was made. */
  async create(
    request: NewCredential,
    caller: Caller,
  ): Promise<Result<IssuedCredential, AdminRefusalCode>> {
    const place = placeOfOwner(request, this.#deps)
    if (place === undefined) return refuse('not_found')
    const owned = { ...request, ...place.owner }
    const made = await makeCredential(owned, caller, this.#deps)
    if (!made.ok) return made
    const { credential } = made.value
    const { isOnlyOfKind } = request
    const saved = await withNames(credential, this.#deps, () =>
      saveNewCredential(credential, { place, caller, isOnlyOfKind }, this.#deps),
    )
    if (!saved.ok) return saved
    await this.#deps.authority.changed(
      request.kind === 'operator_key' ? { kind: 'operators' } : place.change,
    )
    return made
  }

  /** The new version is current when this resolves; the old one follows the overlap. */
  rotate(
    request: RotationRequest,
    caller: Caller,
  ): Promise<Result<RotationOutcome, AdminRefusalCode>> {
    const { overlapMs, isForced } = request
    return this.#withNewVersion(request, caller, {
      action: 'secret.rotated',
      move: (record, draft, nowMs) =>
        rotation.rotate(record, { draft, overlapMs, isForced }, nowMs),
    })
  }

  /** The new version is pending: accepted, so that it can be tried before it is promoted. */
  stage(
    request: RotationRequest,
    caller: Caller,
  ): Promise<Result<RotationOutcome, AdminRefusalCode>> {
    const { isForced } = request
    return this.#withNewVersion(request, caller, {
      action: 'secret.staged',
      move: (record, draft, nowMs) => rotation.stage(record, { draft, isForced }, nowMs),
    })
  }

  promote(request: Omit<VersionRequest, 'versionId'>, caller: Caller): CredentialResult {
    const { overlapMs } = request
    return this.#change({ ...request, caller, action: 'secret.promoted' }, (record, nowMs) =>
      rotation.promote(record, { overlapMs }, nowMs),
    )
  }

  discard(request: Omit<VersionRequest, 'versionId'>, caller: Caller): CredentialResult {
    return this.#change({ ...request, caller, action: 'secret.discarded' }, rotation.discard)
  }

  rollback(request: Omit<VersionRequest, 'versionId'>, caller: Caller): CredentialResult {
    return this.#change({ ...request, caller, action: 'secret.rolled_back' }, rotation.rollback)
  }

  async extend(request: Omit<VersionRequest, 'versionId'>, caller: Caller): CredentialResult {
    const { acceptUntilMs, reason } = request
    if (reason === undefined) return refuse('reason_missing')
    if (acceptUntilMs === undefined) return refuse('input_invalid', 'Name the new end.')
    return this.#change({ ...request, caller, action: 'secret.extended' }, (record, nowMs) =>
      rotation.extend(record, { acceptUntilMs }, nowMs),
    )
  }

  /** Refused while the version is in use, unless forced with a reason. */
  async disable(request: VersionRequest, caller: Caller): CredentialResult {
    if (request.isForced === true && request.reason === undefined) return refuse('reason_missing')
    if (request.isForced !== true) {
      const record = this.#deps.authority.findCredential(request.credentialId)
      if (record === undefined) return refuse('not_found')
      const uses = await readUses(record, this.#parts.uses)
      if (uses.isInUse(request.versionId)) return refuse('still_in_use', uses.sentence())
    }
    return this.#change({ ...request, caller, action: 'secret.disabled' }, (record, nowMs) =>
      retirement.disable(record, request, nowMs),
    )
  }

  enable(request: VersionRequest, caller: Caller): CredentialResult {
    return this.#change({ ...request, caller, action: 'secret.enabled' }, (record, nowMs) =>
      retirement.enable(record, request, nowMs),
    )
  }

  remove(request: VersionRequest, caller: Caller): CredentialResult {
    return this.#change({ ...request, caller, action: 'secret.removed' }, (record, nowMs) =>
      retirement.remove(record, request, nowMs),
    )
  }

  /** An emergency: the version, or all, ends for ever with everything that came by it. */
  async revoke(
    request: {
      readonly credentialId: string
      readonly versionId?: string | undefined
      readonly reason: string
    },
    caller: Caller,
  ): Promise<Result<{ credential: CredentialRecord; receipt: Receipt }, AdminRefusalCode>> {
    const { versionId } = request
    const moved = await this.#carryOut({
      ...request,
      caller,
      action: 'secret.revoked',
      isEmergency: true,
      move: (record, nowMs) =>
        versionId === undefined
          ? retirement.revokeAll(record, nowMs)
          : revokeOrRepeat(record, versionId, nowMs),
    })
    if (!moved.ok) return moved
    return ok({ credential: moved.value.after, receipt: moved.value.receipt })
  }

  /** Name, scopes, limits, rule set and policy; what is not allowed any more is refused at once. */
  async update(
    request: { readonly credentialId: string; readonly reason?: string | undefined } & TermsRequest,
    caller: Caller,
  ): CredentialResult {
    const { name, scopes, limits, ruleSet, policy } = request
    if ([name, scopes, limits, ruleSet, policy].every((each) => each === undefined)) {
      return refuse('input_invalid', 'Name what to change.')
    }
    const kind = this.#deps.authority.findCredential(request.credentialId)?.kind
    if (scopes !== undefined && kind !== undefined && kind !== 'api_key') {
      return refuse('input_invalid', 'Only API keys have scopes.')
    }
    const scoped = checkScopes(scopes)
    if (!scoped.ok) return scoped
    const limited = checkKeyLimits(kind, limits)
    if (!limited.ok) return limited
    const ofUser = checkUserTerms(kind, request)
    if (!ofUser.ok) return ofUser
    return this.#change({ ...request, caller, action: 'policy.changed' }, (record) =>
      changeTerms(record, request, this.#deps.policy),
    )
  }

  /**
   * Writes down what time has changed, so that no clock set back undoes it.
   * @returns whether there was anything to write down.
   */
  async settle(credential: CredentialRecord, caller: Caller): Promise<boolean> {
    const settled = retirement.settle(credential, this.#deps.clock.nowMs())
    if (settled === credential) return false
    const moved = await this.#carryOut({
      credentialId: credential.id,
      caller,
      action: 'secret.expired',
      expected: credential,
      move: (record, nowMs) => ok(retirement.settle(record, nowMs)),
    })
    return moved.ok
  }

  /** A step that time asks for. @returns whether it was taken: another node may be first. */
  async follow(
    request: Pick<MoveRequest, 'credentialId' | 'action' | 'detail' | 'reason'>,
    move: (record: CredentialRecord, nowMs: number) => Move,
  ): Promise<boolean> {
    return (await this.#carryOut({ ...request, caller: SYSTEM, move })).ok
  }

  async #withNewVersion(
    request: RotationRequest,
    caller: Caller,
    step: {
      readonly action: AuditAction
      readonly move: (record: CredentialRecord, draft: rotation.VersionDraft, nowMs: number) => Move
    },
  ): Promise<Result<RotationOutcome, AdminRefusalCode>> {
    const record = this.#deps.authority.findCredential(request.credentialId)
    if (record === undefined) return refuse('not_found')
    const made = await this.#makeVersion(record, request, caller)
    if (!made.ok) return made
    const { draft, value } = made.value
    const moved = await this.#carryOut({
      ...request,
      caller,
      action: step.action,
      expected: record,
      move: (before, nowMs) => step.move(before, draft, nowMs),
    })
    if (!moved.ok) return moved
    const { after, receipt } = moved.value
    return ok({ credential: after, versionId: draft.id, value, receipt })
  }

  #makeVersion(
    record: CredentialRecord,
    request: RotationRequest,
    caller: Caller,
  ): Promise<Result<MadeVersion, AdminRefusalCode>> {
    const { kind, attributes } = record
    const isGiven = request.value !== undefined || request.key !== undefined
    const order = {
      credentialId: record.id,
      kind,
      attributes,
      value: request.value,
      key: request.key,
      wasRegistered: isRegistered(record),
      origin: isGiven ? ('custom' as const) : ('generated' as const),
      expiresAtMs: request.expiresAtMs,
      waitsUntilMs: request.waitsUntilMs,
      known: knownValues(record, this.#deps),
    }
    return makeVersion(order, caller, this.#deps)
  }

  async #change(
    request: Omit<MoveRequest, 'move'>,
    move: (record: CredentialRecord, nowMs: number) => Move,
  ): CredentialResult {
    const moved = await this.#carryOut({ ...request, move })
    return moved.ok ? ok(moved.value.after) : moved
  }

  #carryOut(request: MoveRequest) {
    return carryOutMove(request, this.#deps, this.#parts.revocations)
  }
}

/**
 * A secret that was regenerated is revoked already, but not what it bought (seed 000): revoking it
 * once more ends its access tokens too.
 */
function revokeOrRepeat(record: CredentialRecord, versionId: string, nowMs: number): Move {
  const isAgain = record.versions.some(({ id, state }) => id === versionId && state === 'revoked')
  if (!isAgain || record.kind !== 'client_secret') {
    return retirement.revoke(record, { versionId }, nowMs)
  }
  return ok({ ...record, revision: record.revision + 1 })
}
