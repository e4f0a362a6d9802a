/**
 * The moves of a rotation: create, stage, promote, rotate, discard, roll back, extend. Each takes a
 * credential and gives a new one with the next revision, or a refusal; nothing is changed in place.
 * `nowMs` is wall time; limits in time that have passed are recorded first. Pure.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { isWaiting } from './delivery.ts'
import { ACCEPTED_COUNT_MAX, assertSound } from './invariants.ts'
import { rulesOf } from './kind-rules.ts'
import {
  concluded,
  type EngineRefusal,
  erased,
  type Move,
  replaceVersions,
  revoked,
  settledVersions,
} from './moves.ts'
import { acceptedVersions, isAccepted } from './reading.ts'

/** A value that was made and turned into material already. `id` was never used before. */
export type VersionDraft = Pick<
  VersionRecord,
  'id' | 'keyId' | 'material' | 'hint' | 'origin' | 'createdBy' | 'expiresAtMs' | 'delivery'
>

export type CredentialDraft = Omit<CredentialRecord, 'versions' | 'revision' | 'createdAtMs'> & {
  readonly version: VersionDraft
}

export interface StageRequest {
  readonly draft: VersionDraft
  /** Revokes the pending version, else the previous one, where there is no room. */
  readonly isForced?: boolean | undefined
}

export interface PromoteRequest {
  /** Undefined: the policy's default. 0: the old version is revoked at once. */
  readonly overlapMs?: number | undefined
}

type Versions = readonly VersionRecord[]
type Step = Result<Versions, EngineRefusal>

/** @returns a credential whose first version is current. */
export function createCredential(draft: CredentialDraft, nowMs: number): Move {
  const { version, ...rest } = draft
  assertLevel(draft)
  const credential = { ...rest, versions: [], revision: 1, createdAtMs: nowMs }
  const added = withDraft(credential, [], { draft: version, nowMs })
  if (!added.ok) return added
  const versions = added.value.map((each) => activated(each, nowMs))
  const created = { ...credential, versions }
  assertSound(created, nowMs)
  return ok(created)
}

/** Adds a pending version, which counts toward the two. */
export function stage(credential: CredentialRecord, request: StageRequest, nowMs: number): Move {
  const staged = staging(credential, request, nowMs)
  return staged.ok ? concluded(credential, staged.value, nowMs) : staged
}

/** Makes the pending version current and the current one previous, in one. */
export function promote(
  credential: CredentialRecord,
  request: PromoteRequest,
  nowMs: number,
): Move {
  const versions = promoting(credential, settledVersions(credential, nowMs), { ...request, nowMs })
  return versions.ok ? concluded(credential, versions.value, nowMs) : versions
}

/** Stages and promotes in one: nobody ever sees the version pending. */
export function rotate(
  credential: CredentialRecord,
  request: StageRequest & PromoteRequest,
  nowMs: number,
): Move {
  const staged = staging(credential, request, nowMs)
  if (!staged.ok) return staged
  const versions = promoting(credential, staged.value, { ...request, nowMs })
  return versions.ok ? concluded(credential, versions.value, nowMs) : versions
}

/** Gives the pending version up; its value is erased. */
export function discard(credential: CredentialRecord, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const pending = versions.find(({ state }) => state === 'pending')
  if (pending === undefined) return nonePending()
  const discarded = erased(pending, 'discarded', nowMs)
  return concluded(credential, replaceVersions(versions, discarded), nowMs)
}

/**
 * Swaps current and previous while both are accepted, the end of the overlap included, so that
 * rolling back and forth never lengthens it. After the current version was revoked or has expired,
 * the previous one takes its place.
 */
export function rollback(credential: CredentialRecord, nowMs: number): Move {
  const versions = settledVersions(credential, nowMs)
  const previous = versions.find(({ state }) => state === 'previous')
  if (previous === undefined) return noOverlap()
  const { acceptUntilMs, acceptUntilMaxMs } = previous
  const current = versions.find(({ state }) => state === 'current')
  const changed = [activated(previous, nowMs)]
  if (current !== undefined) {
    const demoted = { ...current, acceptUntilMs, acceptUntilMaxMs }
    changed.push({ ...demoted, state: isAccepted(current, nowMs) ? 'previous' : 'disabled' })
  }
  return concluded(credential, replaceVersions(versions, ...changed), nowMs)
}

/** Moves the end of the running overlap, once; the reason is the caller's to ask and record. */
export function extend(
  credential: CredentialRecord,
  request: { readonly acceptUntilMs: number },
  nowMs: number,
): Move {
  const versions = settledVersions(credential, nowMs)
  const previous = versions.find(({ state }) => state === 'previous')
  if (previous?.acceptUntilMs === undefined) return noOverlap()
  const { acceptUntilMs: presentMs, acceptUntilMaxMs: maxMs = presentMs } = previous
  const { acceptUntilMs } = request
  if (presentMs >= maxMs) {
    return refuse('not_extendable', 'This overlap was extended before, or has been the longest.')
  }
  if (acceptUntilMs <= presentMs) {
    return refuse('deadline_invalid', 'The new end must lie after the present one.')
  }
  if (acceptUntilMs > maxMs) {
    return refuse('overlap_too_long', `At the latest ${new Date(maxMs).toISOString()}.`)
  }
  const extended = { ...previous, acceptUntilMs, acceptUntilMaxMs: acceptUntilMs }
  return concluded(credential, replaceVersions(versions, extended), nowMs)
}

function staging(credential: CredentialRecord, request: StageRequest, nowMs: number): Step {
  let versions = settledVersions(credential, nowMs)
  if (!hasRoom(versions, nowMs)) {
    if (request.isForced !== true) {
      return refuse(
        'too_many_active',
        '`discard` ends the pending one, `disable` the previous one.',
      )
    }
    // At most two are accepted, so besides the current one there is one of these, and it is the
    // oldest; without a current one the pending version gives way.
    const given =
      versions.find(({ state }) => state === 'pending') ??
      versions.find(({ state }) => state === 'previous')
    if (given !== undefined) versions = replaceVersions(versions, revoked(given, nowMs))
  }
  return withDraft(credential, versions, { draft: request.draft, nowMs })
}

function hasRoom(versions: Versions, nowMs: number): boolean {
  const hasPending = versions.some(({ state }) => state === 'pending')
  return !hasPending && acceptedVersions({ versions }, nowMs).length < ACCEPTED_COUNT_MAX
}

function withDraft(
  credential: CredentialRecord,
  versions: Versions,
  { draft, nowMs }: { readonly draft: VersionDraft; readonly nowMs: number },
): Step {
  const rules = rulesOf(credential.kind)
  if (draft.origin === 'custom' && !rules.isCustomAllowed) {
    return refuse('custom_not_allowed', 'Credentials of this kind are generated only.')
  }
  if (draft.expiresAtMs !== undefined && draft.expiresAtMs <= nowMs) {
    return refuse('expired', 'The expiry of the new version has passed already.')
  }
  if (draft.delivery !== undefined && draft.delivery.untilMs <= nowMs) {
    return refuse('expired', 'The time to fetch the new version has passed already.')
  }
  const { storage } = draft.material
  if (!rules.storages.some((allowed) => allowed === storage)) {
    throw new Error(`a ${credential.kind} is never stored ${storage}`)
  }
  const added: VersionRecord = {
    ...draft,
    number: (credential.versions.at(-1)?.number ?? 0) + 1,
    state: 'pending',
    createdAtMs: nowMs,
    activatedAtMs: undefined,
    acceptUntilMs: undefined,
    disabledAtMs: undefined,
    endedAtMs: undefined,
  }
  return ok([...versions, added])
}

function promoting(
  { policy }: CredentialRecord,
  versions: Versions,
  { overlapMs = policy.overlapDefaultMs, nowMs }: PromoteRequest & { readonly nowMs: number },
): Step {
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0) {
    throw new Error(`${overlapMs} is no overlap in milliseconds`)
  }
  if (overlapMs > policy.overlapMaxMs) {
    return refuse('overlap_too_long', `At most ${policy.overlapMaxMs / 1_000} seconds.`)
  }
  const pending = versions.find(({ state }) => state === 'pending')
  if (pending === undefined) return nonePending()
  if (isWaiting(pending)) {
    return refuse('invalid_transition', 'Nobody has fetched its value yet. Fetch or discard it.')
  }
  const changed = [activated(pending, nowMs)]
  const current = versions.find(({ state }) => state === 'current')
  if (current !== undefined) {
    const maxMs = nowMs + policy.overlapMaxMs
    changed.push(replaced(current, { acceptUntilMs: nowMs + overlapMs, maxMs, nowMs }))
  }
  return ok(replaceVersions(versions, ...changed))
}

/** What becomes of the current version when another one takes over. */
function replaced(
  current: VersionRecord,
  times: { readonly acceptUntilMs: number; readonly maxMs: number; readonly nowMs: number },
): VersionRecord {
  if (times.acceptUntilMs === times.nowMs) return revoked(current, times.nowMs)
  if (!isAccepted(current, times.nowMs)) return { ...current, state: 'disabled' }
  const { acceptUntilMs, maxMs: acceptUntilMaxMs } = times
  return { ...current, state: 'previous', acceptUntilMs, acceptUntilMaxMs }
}

/** Current; the first activation counts, so that going back makes no value younger. */
function activated(version: VersionRecord, nowMs: number): VersionRecord {
  return {
    ...version,
    state: 'current',
    activatedAtMs: version.activatedAtMs ?? nowMs,
    acceptUntilMs: undefined,
    acceptUntilMaxMs: undefined,
  }
}

function assertLevel({ kind, tenantId, appId }: CredentialDraft): void {
  const { level } = rulesOf(kind)
  const isFit = level === 'app' ? appId !== undefined : appId === undefined
  const hasTenant = tenantId !== undefined || level === 'installation'
  if (!isFit || !hasTenant) throw new Error(`a ${kind} belongs to the level ${level}`)
}

function nonePending() {
  return refuse('invalid_transition' as const, 'No version is pending. Stage one first.')
}

function noOverlap() {
  return refuse('invalid_transition' as const, 'No overlap is running: no version is previous.')
}
