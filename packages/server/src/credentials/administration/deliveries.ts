/**
 * Values that a rotation left to be fetched: given out once, to whoever may write credentials, and
 * every attempt is audited. What is given out is committed as given out first.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import { INSTALLATION } from '../audit/entry.ts'
import { openDelivered } from '../delivered-value.ts'
import { fetchOnce } from '../engine/fetching.ts'
import type { Move } from '../engine/moves.ts'
import { openMaterial } from '../material.ts'
import type { AdministrationDeps, Caller } from './context.ts'
import { carryOutMove } from './credential-move.ts'
import { placeOfCredential } from './credential-place.ts'
import type { IssuedCredential } from './issued.ts'
import type { Revocations } from './revocations.ts'

/** Which value is asked for. */
export interface FetchRequest {
  readonly credentialId: string
  readonly versionId: string
}

export class Deliveries {
  readonly #deps: AdministrationDeps
  readonly #revocations: Revocations

  constructor(deps: AdministrationDeps, revocations: Revocations) {
    this.#deps = deps
    this.#revocations = revocations
  }

  /**
   * Of any number of calls exactly one gets the value.
   * @throws Outage: then the value may be given out already, and whoever asked has to discard it.
   */
  async fetch(
    request: FetchRequest,
    caller: Caller,
  ): Promise<Result<IssuedCredential, AdminRefusalCode>> {
    const { versionId } = request
    let value = ''
    const move = (record: CredentialRecord, nowMs: number): Move => {
      const fetched = fetchOnce(record, request, nowMs)
      if (fetched.ok) value = this.#open(record, versionId)
      return fetched
    }
    const detail = { versionId }
    const order = { ...request, caller, action: 'secret.fetched' as const, detail, move }
    const moved = await carryOutMove(order, this.#deps, this.#revocations)
    if (moved.ok) return ok({ credential: moved.value.after, versionId, value })
    await this.#recordRefused(request, moved.refusal, caller)
    return refuse(moved.refusal, moved.detail)
  }

  #open(record: CredentialRecord, versionId: string): string {
    const version = record.versions.find(({ id }) => id === versionId)
    const opened = version === undefined ? undefined : this.#openVersion(record, version)
    // After the start every stored secret opens: the ring holds the versions that are in use.
    if (opened?.ok !== true) throw new Error(`version ${versionId} does not open`)
    return Buffer.from(opened.value).toString('utf8')
  }

  #openVersion(record: CredentialRecord, version: VersionRecord) {
    const { masterKey } = this.#deps
    const sealed = version.delivery?.sealed
    if (sealed === undefined) return openMaterial(record, version, masterKey)
    return openDelivered(sealed, { credentialId: record.id, versionId: version.id }, masterKey)
  }

  /** Somebody who comes too late may be the rightful one: then somebody else has the value. */
  async #recordRefused(
    { credentialId, versionId }: FetchRequest,
    reason: AdminRefusalCode,
    { actor, source, requestId }: Caller,
  ): Promise<void> {
    const record = this.#deps.authority.findCredential(credentialId)
    const place = record === undefined ? undefined : placeOfCredential(record, this.#deps)
    if (record === undefined || place === undefined) return
    const { kind, id, name, tenantId = INSTALLATION } = record
    await place.transaction((transaction) =>
      this.#deps.audit.record(
        { code: place.code, transaction },
        {
          tenantId,
          actor,
          source,
          requestId,
          action: 'secret.fetched',
          target: { kind, id, name },
          outcome: 'denied',
          reason,
          after: { versionId },
        },
      ),
    )
    const { events, clock } = this.#deps
    const { appId } = record
    if (!events.isWanted('auth.denied', appId)) return
    const { ip, protocol } = source
    const details = { reason, ip, protocol, target: { kind, id } }
    const of = { atMs: clock.nowMs(), tenantId: record.tenantId, appId }
    events.tell({ type: 'auth.denied', ...of, details })
  }
}
