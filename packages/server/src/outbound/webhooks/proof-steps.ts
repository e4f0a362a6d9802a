/** When receivers are asked whether they have a new secret, and for how long. Pure. */
import { acceptedVersions } from '../../credentials/engine/reading.ts'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import type { WebhookProof } from '../../ports/records/webhook.ts'

/** Somebody is about to carry the value over; then twice as long each time, up to the longest. */
export const PROBE_FIRST_MS = 60_000
export const PROBE_WAIT_MS_MAX = 3_600_000
/** Our bound on attempts of one rotation: about eight days of them. */
export const PROBE_TRY_COUNT_MAX = 200

/** @returns of a version that was just made. */
export function firstProof(
  versionId: string,
  of: { readonly nowMs: number; readonly dropsOld: boolean },
): WebhookProof {
  return {
    versionId,
    state: 'waiting',
    dropsOld: of.dropsOld,
    tryCount: 0,
    triedAtMs: undefined,
    outcome: undefined,
    nextAtMs: of.nowMs + PROBE_FIRST_MS,
    isOverdue: false,
  }
}

/** @returns the older version that is accepted still: what there is to wait with. */
export function olderThan(
  newestId: string,
  record: CredentialRecord,
  nowMs: number,
): VersionRecord | undefined {
  const newest = record.versions.find(({ id }) => id === newestId)
  if (newest === undefined) return undefined
  return acceptedVersions(record, nowMs).find(({ number }) => number < newest.number)
}

export function isProbeDue({ nextAtMs }: WebhookProof, nowMs: number): boolean {
  return nextAtMs !== undefined && nowMs >= nextAtMs
}

/** @returns with one attempt more, which is made now. */
export function laterProof(proof: WebhookProof, nowMs: number): WebhookProof {
  const tryCount = proof.tryCount + 1
  const waitMs = Math.min(PROBE_WAIT_MS_MAX, PROBE_FIRST_MS * 2 ** Math.min(tryCount, 10))
  const nextAtMs = tryCount >= PROBE_TRY_COUNT_MAX ? undefined : nowMs + waitMs
  return { ...proof, tryCount, triedAtMs: nowMs, nextAtMs }
}

/**
 * @param newestId is the only one that is accepted by now.
 * @returns undefined where it was proved, told before, or never waited for.
 */
export function overdueProof(proof: WebhookProof, newestId: string): WebhookProof | undefined {
  const isWaitedFor = proof.versionId === newestId && proof.isOverdue === false
  if (!isWaitedFor || proof.state === 'adopted') return undefined
  return { ...proof, nextAtMs: undefined, isOverdue: true }
}
