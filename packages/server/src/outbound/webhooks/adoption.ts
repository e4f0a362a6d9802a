/**
 * Rotations of webhook secrets with proof: receivers are asked whether they have the newest version
 * (`probe.ts`), by people at any time and by the schedule during an overlap, and an old version
 * ends early only where that is proved. What is known is kept on the endpoint, so every node
 * follows it, and a proof counts as the use of a version, so that readiness shows it.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { LiveEvents } from '../../core/live-events.ts'
import { SYSTEM } from '../../credentials/administration/callers.ts'
import type { Caller } from '../../credentials/administration/context.ts'
import type { CredentialChanges } from '../../credentials/administration/credential-changes.ts'
import type { RotationOutcome } from '../../credentials/administration/issued.ts'
import type { WebhookChanges } from '../../credentials/administration/webhook-changes.ts'
import type { EndpointEntry } from '../../credentials/app-directory.ts'
import type { Authority } from '../../credentials/authority.ts'
import type { RecordUse } from '../../credentials/use-recorder.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import type { Random } from '../../ports/random.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import type { WebhookEndpointRecord, WebhookProof } from '../../ports/records/webhook.ts'
import type { WebhookSender } from '../../ports/webhook-sender.ts'
import { type ProbeResult, probeReceiver } from './probe.ts'
import { ProbePlaces } from './probe-places.ts'
import { firstProof, isProbeDue, laterProof, olderThan, overdueProof } from './proof-steps.ts'
import { newestKeyOf, type StandardKey } from './signing-keys.ts'
import type { WebhookRotation } from './webhook-rotation.ts'

export interface AdoptionPorts {
  readonly authority: Authority
  readonly changes: CredentialChanges
  readonly webhooks: WebhookChanges
  readonly recordUse: RecordUse
  readonly sender: Pick<WebhookSender, 'send'>
  readonly events: LiveEvents
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Probed {
  readonly endpoint: WebhookEndpointRecord
  readonly isAdopted: boolean
  readonly outcome: string
  readonly receiverVerifies: boolean | undefined
}

/** Our bound on receivers one run asks; the next run goes on with the others. */
export const PROBES_PER_RUN_MAX = 20

type Answer<T> = Promise<Result<T, AdminRefusalCode>>

export class Adoption {
  readonly #ports: AdoptionPorts
  readonly #places = new ProbePlaces()
  #isRunning = false
  #isClosed = false

  constructor(ports: AdoptionPorts) {
    this.#ports = ports
  }

  /** Starts {@link run}, unless it still runs. A receiver that hangs holds nothing else up. */
  tick(): void {
    if (this.#isRunning || this.#isClosed) return
    this.#isRunning = true
    this.run()
      .catch((error: unknown) => {
        // What was asked is asked again after the next start.
        if (!this.#isClosed) this.#ports.log.error('webhook_adoption', error)
      })
      .finally(() => {
        this.#isRunning = false
      })
  }

  /** No receiver is asked any more; nothing is waited for. */
  close(): void {
    this.#isClosed = true
  }

  /** A new current version; the schedule asks the receiver for as long as the old one lives. */
  async rotate(
    request: WebhookRotation,
    caller: Caller,
  ): Answer<RotationOutcome & { readonly endpoint: WebhookEndpointRecord }> {
    const { endpointId, dropWhenAdopted = false, ...rest } = request
    const { credentialId } = this.#find(endpointId)?.endpoint ?? {}
    if (credentialId === undefined) return this.#noSecret(endpointId)
    const rotated = await this.#ports.changes.rotate({ ...rest, credentialId }, caller)
    if (!rotated.ok) return rotated
    const { versionId, credential } = rotated.value
    const nowMs = this.#ports.clock.nowMs()
    const proof = firstProof(versionId, { nowMs, dropsOld: dropWhenAdopted })
    // Where nothing older is accepted there is nothing to wait with; a person may ask all the same.
    const isOverlapping = olderThan(versionId, credential, nowMs) !== undefined
    const marked = await this.#mark(endpointId, () => (isOverlapping ? proof : undefined))
    return marked.ok ? ok({ ...rotated.value, endpoint: marked.value }) : marked
  }

  /** Asks now, whatever was tried before. @throws Outage where the answer cannot be kept. */
  async probe(
    { endpointId, reason }: { readonly endpointId: string; readonly reason?: string | undefined },
    caller: Caller,
  ): Answer<Probed> {
    const entry = this.#find(endpointId)
    if (entry?.endpoint.credentialId === undefined) return this.#noSecret(endpointId)
    const key = newestKeyOf(entry.loaded, entry.endpoint, this.#ports.clock.nowMs())
    if (key === undefined) {
      return refuse('invalid_transition', 'No version of its secret is accepted. Rotate it.')
    }
    const asked = this.#places.run(entry.endpoint, async () => {
      const result = await this.#ask(entry, key)
      return this.#keep({ entry, key, result }, { caller, reason, isAudited: true })
    })
    return (
      asked ?? refuse('overloaded', 'It is being asked, or many are. Try again in ten seconds.')
    )
  }

  /** Asks the receivers that are due, and tells of old versions that ended without a proof. */
  async run(): Promise<void> {
    const due: EndpointEntry[] = []
    for (const loaded of this.#ports.authority.apps.apps()) {
      for (const endpoint of loaded.webhookEndpoints) {
        const step = await this.#prepare({ loaded, endpoint })
        if (step && due.length < PROBES_PER_RUN_MAX) due.push({ loaded, endpoint })
      }
    }
    const asked = await Promise.allSettled(due.map((entry) => this.#follow(entry)))
    const failed = asked.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** @returns whether its receiver is to be asked now. */
  async #prepare({ loaded, endpoint }: EndpointEntry): Promise<boolean> {
    const { clock } = this.#ports
    const nowMs = clock.nowMs()
    const key = endpoint.disabled === undefined && newestKeyOf(loaded, endpoint, nowMs)
    const record = loaded.credentials.find((each) => each.record.id === endpoint.credentialId)
    if (!key || record === undefined) return false
    const { proof } = endpoint
    if (olderThan(key.versionId, record.record, nowMs) !== undefined) {
      if (proof?.versionId === key.versionId) return isProbeDue(proof, nowMs)
      // It was rotated or staged as a credential, not as an endpoint.
      await this.#mark(endpoint.id, () => firstProof(key.versionId, { nowMs, dropsOld: false }))
      return false
    }
    const overdue = proof && overdueProof(proof, key.versionId)
    if (overdue !== undefined) await this.#tellOverdue(endpoint, record.record, overdue)
    return false
  }

  /** Of several nodes one asks: the next attempt is written down before this one is made. */
  async #follow({ endpoint }: EndpointEntry): Promise<void> {
    const seen = endpoint.proof
    if (seen === undefined) return
    const nowMs = this.#ports.clock.nowMs()
    let isMine = false
    const claimed = await this.#mark(endpoint.id, (proof) => {
      isMine = proof?.versionId === seen.versionId && proof.nextAtMs === seen.nextAtMs
      return isMine ? laterProof(seen, nowMs) : proof
    })
    const entry = this.#find(endpoint.id)
    if (!claimed.ok || !isMine || entry === undefined) return
    const key = newestKeyOf(entry.loaded, entry.endpoint, nowMs)
    if (key?.versionId !== seen.versionId) return
    const result = await this.#ask(entry, key)
    const isNews = result.verdict !== 'undecided' && result.verdict !== seen.state
    await this.#keep({ entry, key, result }, { caller: SYSTEM, isAudited: isNews })
  }

  #ask({ endpoint }: EndpointEntry, key: StandardKey): Promise<ProbeResult> {
    const { sender, random, clock } = this.#ports
    return probeReceiver(endpoint, key, { sender, random, nowMs: clock.nowMs() })
  }

  /** Writes down what was answered, and does what follows from it. */
  async #keep(
    probed: {
      readonly entry: EndpointEntry
      readonly key: StandardKey
      readonly result: ProbeResult
    },
    by: {
      readonly caller: Caller
      readonly reason?: string | undefined
      readonly isAudited: boolean
    },
  ): Answer<Probed> {
    const { entry, key, result } = probed
    const { id: endpointId, url } = entry.endpoint
    const { verdict, outcome, isVerifying } = result
    const { versionId } = key
    const nowMs = this.#ports.clock.nowMs()
    const kept = await this.#ports.webhooks.setProof(endpointId, {
      action: by.isAudited ? 'webhook.probed' : undefined,
      caller: by.caller,
      reason: by.reason,
      detail: { versionId, outcome, verdict },
      change: (before, loaded) => {
        // Another receiver or a newer version by now: what was answered says nothing of it.
        const isNewest = newestKeyOf(loaded, before, nowMs)?.versionId === versionId
        if (before.url !== url || !isNewest) return refuse('changed_meanwhile')
        const known = before.proof?.versionId === versionId ? before.proof : undefined
        const state = verdict === 'undecided' ? (known?.state ?? 'waiting') : verdict
        const isSettled = state === 'adopted' || state === 'unverifying'
        const proof: WebhookProof = {
          ...(known ?? { versionId, dropsOld: false, nextAtMs: undefined }),
          state,
          tryCount: (known?.tryCount ?? 0) + (by.caller === SYSTEM ? 0 : 1),
          triedAtMs: nowMs,
          outcome,
          nextAtMs: isSettled ? undefined : known?.nextAtMs,
        }
        return ok({ ...before, proof })
      },
    })
    if (!kept.ok) return kept
    const isAdopted = verdict === 'adopted'
    if (isAdopted) await this.#conclude(entry, { versionId, proof: kept.value.proof })
    return ok({ endpoint: kept.value, isAdopted, outcome, receiverVerifies: isVerifying })
  }

  /** The newest version is in use: one that waits takes over where that is wanted, the old ends. */
  async #conclude(
    { loaded, endpoint }: EndpointEntry,
    adopted: { readonly versionId: string; readonly proof: WebhookProof | undefined },
  ): Promise<void> {
    const { changes, recordUse, authority, clock } = this.#ports
    const { credentialId = '' } = endpoint
    const { versionId } = adopted
    const source = { ip: '', agent: `probe of ${endpoint.name}`, protocol: 'webhook' }
    recordUse({ credentialId, versionId, outcome: 'accepted' }, source, loaded.app)
    const reason = 'the receiver has proved that it has the new version'
    const known = authority.findCredential(credentialId)
    const { state } = known?.versions.find(({ id }) => id === versionId) ?? {}
    if (known?.policy.isAutomatic === true && state === 'pending') {
      await changes.promote({ credentialId, reason }, SYSTEM)
    }
    const record = authority.findCredential(credentialId)
    const older = record && olderThan(versionId, record, clock.nowMs())
    if (adopted.proof?.dropsOld !== true || older?.state !== 'previous') return
    await changes.disable({ credentialId, versionId: older.id, reason }, SYSTEM)
  }

  async #tellOverdue(
    endpoint: WebhookEndpointRecord,
    { id: credentialId, tenantId, appId }: CredentialRecord,
    overdue: WebhookProof,
  ): Promise<void> {
    const { versionId, state } = overdue
    let isFirst = false
    const told = await this.#ports.webhooks.setProof(endpoint.id, {
      action: 'rotation.overdue',
      caller: SYSTEM,
      reason: 'the old version ended before the receiver proved that it has the new one',
      detail: { credentialId, versionId, state },
      change: (before) => {
        isFirst = before.proof?.versionId === versionId && before.proof.isOverdue !== true
        return ok(isFirst ? { ...before, proof: overdue } : before)
      },
    })
    if (!told.ok || !isFirst) return
    const detail = { endpoint: endpoint.id, credential: credentialId, version: versionId }
    this.#ports.log.warn('webhook_rotation_overdue', { tenant: tenantId, app: appId, ...detail })
    const details = { action: 'rotation.overdue', credentialId, kind: 'webhook_secret', versionId }
    const atMs = this.#ports.clock.nowMs()
    this.#ports.events.tell({ type: 'credential.changed', atMs, tenantId, appId, details })
  }

  #mark(
    endpointId: string,
    proofAfter: (proof: WebhookProof | undefined) => WebhookProof | undefined,
  ): Answer<WebhookEndpointRecord> {
    return this.#ports.webhooks.setProof(endpointId, {
      action: undefined,
      caller: SYSTEM,
      change: (before) => {
        const proof = proofAfter(before.proof)
        return ok(proof === before.proof ? before : { ...before, proof })
      },
    })
  }

  #find(endpointId: string): EndpointEntry | undefined {
    return this.#ports.authority.apps.findEndpoint(endpointId)
  }

  #noSecret(endpointId: string) {
    if (this.#find(endpointId) === undefined) return refuse('not_found' as const)
    return refuse(
      'input_invalid' as const,
      'The Pusher form has no secret of its own: rotate the signing secret of the app.',
    )
  }
}
