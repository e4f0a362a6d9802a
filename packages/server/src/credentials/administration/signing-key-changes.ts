/**
 * Rotates the keys tenants sign access tokens with: by the schedule, when an operator asks, and at
 * once in an emergency. Every step is a move of the credential engine, so that two nodes or two
 * operators never make two current keys.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { Receipt } from '../../core/receipt.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { AuditAction } from '../audit/actions.ts'
import type { Move } from '../engine/moves.ts'
import { isAccepted } from '../engine/reading.ts'
import { remove, revokeAll } from '../engine/retirement.ts'
import { discard, promote, rotate, stage } from '../engine/rotation.ts'
import type { LoadedTenant } from '../tenant-directory.ts'
import { type KeyStep, nextKeyStep } from '../tokens/key-schedule.ts'
import { type SigningKey, signingCredentialOf, type TenantKeys } from '../tokens/tenant-keys.ts'
import { SYSTEM } from './callers.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { carryOutMove, type Moved } from './credential-move.ts'
import { saveNewCredential } from './credential-making.ts'
import { placeOfOwner } from './credential-place.ts'
import { addReceipts } from './receipts.ts'
import type { Revocations } from './revocations.ts'
import { makeSigningKey, makeSigningVersion } from './signing-keys.ts'

export interface SigningKeyParts {
  readonly keys: TenantKeys
  readonly revocations: Revocations
  readonly times: { readonly signingKeyDays: number; readonly signingKeyTailMs: number }
}

export interface KeyRequest {
  readonly tenantId: string
  readonly reason?: string | undefined
}

type Keys = Result<readonly SigningKey[], AdminRefusalCode>
type DraftMove = (
  record: CredentialRecord,
  draft: Awaited<ReturnType<typeof makeSigningVersion>>,
  nowMs: number,
) => Move

const DAY_MS = 86_400_000

export class SigningKeyChanges {
  readonly #deps: AdministrationDeps
  readonly #parts: SigningKeyParts

  constructor(deps: AdministrationDeps, parts: SigningKeyParts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** Oldest first; those whose private part was destroyed are not among them. */
  list({ tenantId }: KeyRequest): Keys {
    if (this.#deps.authority.tenants.find(tenantId) === undefined) return refuse('not_found')
    return ok(this.#parts.keys.all(tenantId))
  }

  /**
   * Publishes a new key now; the schedule lets it sign once verifiers have had time to see it.
   * @throws Outage before anything was changed.
   */
  async rotate(request: KeyRequest, caller: Caller): Promise<Keys> {
    const loaded = this.#deps.authority.tenants.find(request.tenantId)
    if (loaded === undefined) return refuse('not_found')
    const moved = await this.#withDraft(loaded, {
      action: 'secret.staged',
      caller,
      reason: request.reason,
      move: (record, draft, nowMs) => stage(record, { draft }, nowMs),
    })
    return moved.ok ? this.list(request) : moved
  }

  /**
   * An emergency: every key is gone from the key set and a new one signs at once; the refresh
   * families of the tenant end, and everything that is connected to its apps.
   * @throws Outage: what was not done then is done by the same call again.
   */
  async revoke(
    { tenantId, reason }: KeyRequest & { readonly reason: string },
    caller: Caller,
  ): Promise<Result<{ readonly keys: readonly SigningKey[]; receipt: Receipt }, AdminRefusalCode>> {
    const loaded = this.#deps.authority.tenants.find(tenantId)
    if (loaded === undefined) return refuse('not_found')
    const moved = await this.#withDraft(loaded, {
      action: 'secret.revoked',
      caller,
      reason,
      move: replaceAll,
    })
    if (!moved.ok) return moved
    const target = { kind: 'tenant' as const, tenantId }
    const place = { tenantId, appId: undefined, reason }
    const ended = await this.#parts.revocations.revoke(target, place, caller)
    if (!ended.ok) return ended
    const receipt = addReceipts(moved.value.receipt, ended.value)
    return ok({ keys: this.#parts.keys.all(tenantId), receipt })
  }

  /**
   * Takes the step that is due for each tenant; called by the schedule and before a start accepts
   * anything. What somebody else has changed meanwhile is looked at again the next time.
   * @throws Outage
   */
  async follow(): Promise<void> {
    for (const { tenant } of [...this.#deps.authority.tenants.tenants()]) {
      // Several can be due at once, such as erasing an old key and publishing a new one.
      let isMore = true
      for (let count = 0; isMore && count < STEP_COUNT_MAX; count++) {
        isMore = await this.#step(tenant.id)
      }
    }
  }

  /** @returns whether something was done. */
  async #step(tenantId: string): Promise<boolean> {
    const { authority, clock } = this.#deps
    const loaded = authority.tenants.find(tenantId)
    if (loaded === undefined) return false
    if (signingCredentialOf(loaded) === undefined) return this.#makeFirst(loaded)
    const keys = this.#parts.keys
      .all(tenantId)
      .map(({ version, pair: { algorithm } }) => ({ version, algorithm }))
    const step = nextKeyStep(keys, {
      algorithm: loaded.tenant.signingAlgorithm,
      lifeMs: this.#parts.times.signingKeyDays * DAY_MS,
      nowMs: clock.nowMs(),
    })
    if (step.do === 'nothing') return false
    return (await this.#take(step, loaded)).ok
  }

  #take(
    step: Exclude<KeyStep, { do: 'nothing' }>,
    loaded: LoadedTenant,
  ): Promise<Result<Moved, AdminRefusalCode>> {
    switch (step.do) {
      case 'stage':
        return this.#withDraft(loaded, {
          action: 'secret.staged',
          caller: SYSTEM,
          move: (record, draft, nowMs) => stage(record, { draft }, nowMs),
        })
      case 'replace':
        return this.#withDraft(loaded, {
          action: 'signing_key.rotated',
          caller: SYSTEM,
          reason: 'no key could sign',
          move: (record, draft, nowMs) => rotate(record, { draft, isForced: true }, nowMs),
        })
      case 'promote':
        return this.#move(loaded, 'signing_key.rotated', (record, nowMs) =>
          promote(record, { overlapMs: this.#tailMs(record) }, nowMs),
        )
      case 'discard':
        return this.#move(loaded, 'secret.discarded', discard)
      case 'erase':
        return this.#move(loaded, 'secret.removed', (record, nowMs) =>
          remove(record, { versionId: step.versionId }, nowMs),
        )
      default:
        return step satisfies never
    }
  }

  /** A policy that was tightened since goes first. */
  #tailMs({ policy }: CredentialRecord): number {
    return Math.min(this.#parts.times.signingKeyTailMs, policy.overlapMaxMs)
  }

  #move(
    loaded: LoadedTenant,
    action: AuditAction,
    move: (record: CredentialRecord, nowMs: number) => Move,
  ): Promise<Result<Moved, AdminRefusalCode>> {
    const credential = signingCredentialOf(loaded)
    if (credential === undefined) return Promise.resolve(refuse('not_found'))
    const { record } = credential
    const request = { credentialId: record.id, action, caller: SYSTEM, expected: record, move }
    return carryOutMove(request, this.#deps, this.#parts.revocations)
  }

  async #withDraft(
    loaded: LoadedTenant,
    step: {
      readonly action: AuditAction
      readonly caller: Caller
      readonly reason?: string | undefined
      readonly move: DraftMove
    },
  ): Promise<Result<Moved, AdminRefusalCode>> {
    const { tenant } = loaded
    const credential = signingCredentialOf(loaded)
    if (credential === undefined) return refuse('not_found')
    const { record } = credential
    const { id } = record
    const { action, caller, reason } = step
    const draft = await makeSigningVersion({ id, tenant }, caller, this.#deps)
    const algorithms = [tenant.signingAlgorithm]
    return carryOutMove(
      {
        credentialId: id,
        action,
        caller,
        reason,
        expected: record,
        move: (before, nowMs) =>
          step.move({ ...before, attributes: { ...before.attributes, algorithms } }, draft, nowMs),
      },
      this.#deps,
      this.#parts.revocations,
    )
  }

  /** For tenants that an older release has left without a key. */
  async #makeFirst({ tenant }: LoadedTenant): Promise<boolean> {
    const owner = { tenantId: tenant.id, appId: undefined }
    const place = placeOfOwner(owner, this.#deps)
    if (place === undefined) return false
    const credential = await makeSigningKey(tenant, SYSTEM, this.#deps)
    const context = { place, caller: SYSTEM, isOnlyOfKind: true }
    const saved = await saveNewCredential(credential, context, this.#deps)
    if (saved.ok) await this.#deps.authority.changed(place.change)
    return saved.ok
  }
}

/** Every step a tenant can need in one go: erase, discard, stage, promote. */
const STEP_COUNT_MAX = 4

/** Ends every key for ever and has a new one sign, in one move. */
function replaceAll(
  record: CredentialRecord,
  draft: Parameters<DraftMove>[1],
  nowMs: number,
): Move {
  const isOpen = record.versions.some((version) => isAccepted(version, nowMs))
  const ended = isOpen ? revokeAll(record, nowMs) : ok(record)
  if (!ended.ok) return ended
  const rotated = rotate(ended.value, { draft, overlapMs: 0, isForced: true }, nowMs)
  // Two moves, saved as one: the store asks for the revision that follows.
  return rotated.ok ? ok({ ...rotated.value, revision: record.revision + 1 }) : rotated
}
