/**
 * Who still uses which version: the store's counts, those that wait for it, and the live
 * connections; and from these whether the old version can go.
 */
import { countResting } from '../../core/affected.ts'
import type { AppSpace } from '../../core/app-space.ts'
import type { Clock } from '../../ports/clock.ts'
import type { CredentialRecord, VersionRecord } from '../../ports/records/credential.ts'
import type { UseRecord } from '../../ports/records/use.ts'
import type { WebhookEndpointRecord } from '../../ports/records/webhook.ts'
import { isAccepted, stateAt } from '../engine/reading.ts'
import type { UseRecorder } from '../use-recorder.ts'
import type { AdministrationDeps } from './context.ts'
import { placeOfCredential } from './credential-place.ts'
import type { Readiness, VersionUse } from './issued.ts'

/** Silent for this long: nobody is expected to come back with it (contract 2.3). */
export const QUIET_MS = 24 * 60 * 60 * 1000
/** Our bound on the names in one report. */
const NAMED_COUNT_MAX = 20

export interface UseReport extends Pick<AdministrationDeps, 'authority' | 'store'> {
  readonly recorder: UseRecorder
  readonly clock: Clock
  readonly spaces: () => Iterable<AppSpace>
}

/** @throws Outage */
export async function readUses(
  record: CredentialRecord,
  report: UseReport,
): Promise<CredentialUses> {
  // What waits is read first: what is handed over in between is counted twice, never missed.
  const waiting = report.recorder.pendingOf(record.id)
  const place = placeOfCredential(record, report)
  const stored =
    place === undefined
      ? []
      : await place.transaction((transaction) => transaction.listUses({ credentialId: record.id }))
  return new CredentialUses(record, merged([...stored, ...waiting]), report)
}

export class CredentialUses {
  readonly #record: CredentialRecord
  readonly #uses: readonly UseRecord[]
  readonly #nowMs: number
  /** Of a webhook secret: the endpoint it signs for. */
  readonly #endpoint: WebhookEndpointRecord | undefined
  readonly #spaces: () => Iterable<AppSpace>

  constructor(record: CredentialRecord, uses: readonly UseRecord[], report: UseReport) {
    this.#record = record
    this.#uses = uses
    this.#nowMs = report.clock.nowMs()
    this.#spaces = report.spaces
    const loaded =
      record.appId === undefined ? undefined : report.authority.apps.findById(record.appId)
    this.#endpoint = loaded?.webhookEndpoints.find((each) => each.credentialId === record.id)
  }

  /** Whether somebody used a version lately, or a live connection rests on it. */
  isInUse(versionId: string): boolean {
    if (this.#endpoint !== undefined) return this.#unproved(versionId) !== undefined
    return this.#stragglers(versionId).length > 0 || countResting(this.#spaces(), versionId) > 0
  }

  /** @returns when a value of it was last accepted. */
  lastUsedAtMs(): number | undefined {
    const accepted = this.#uses.filter(({ outcome }) => outcome === 'accepted')
    const lastMs = Math.max(...accepted.map(({ lastAtMs }) => lastAtMs))
    return Number.isFinite(lastMs) ? lastMs : undefined
  }

  /** Whether somebody ever came with a version. */
  wasUsed(versionId: string): boolean {
    return this.#uses.some((use) => use.versionId === versionId && use.outcome === 'accepted')
  }

  /** Who is in the way, for people. */
  sentence(): string {
    const [first = 'live connections', ...more] = this.blockers()
    return more.length === 0 ? first : `${first}, and ${more.length} more. See readiness.`
  }

  blockers(): readonly string[] {
    const previous = this.#record.versions.find(
      (each) => each.state === 'previous' && isAccepted(each, this.#nowMs),
    )
    if (previous === undefined) return []
    if (this.#endpoint !== undefined) return this.#unprovedText(previous.id)
    const open = countResting(this.#spaces(), previous.id)
    const named = this.#stragglers(previous.id).slice(0, NAMED_COUNT_MAX)
    return [
      ...(open > 0 ? [`${open} live connections rest on version ${previous.number}`] : []),
      ...named.map((use) => describeUse(use, previous)),
    ]
  }

  readiness(): Readiness {
    const blockers = this.blockers()
    const { versions, id } = this.#record
    const hasPrevious = versions.some(({ state }) => state === 'previous')
    const missed = this.#uses
      .filter(({ outcome }) => outcome !== 'accepted')
      .slice(0, NAMED_COUNT_MAX)
      .map((use) =>
        describeUse(
          use,
          versions.find((each) => each.id === use.versionId),
        ),
      )
    return {
      credentialId: id,
      versions: versions.map((version) => this.#versionUse(version)),
      canDisable: hasPrevious && blockers.length === 0,
      blockers,
      missed,
    }
  }

  /**
   * Who verifies webhooks does it elsewhere; what is seen is a proof (`outbound/webhooks/`).
   * @returns the version that has to be proved before this one can go.
   */
  #unproved(versionId: string): VersionRecord | undefined {
    const next = this.#record.versions.findLast(
      (each) => each.state === 'current' && isAccepted(each, this.#nowMs),
    )
    return next === undefined || next.id === versionId || this.wasUsed(next.id) ? undefined : next
  }

  #unprovedText(versionId: string): readonly string[] {
    const next = this.#unproved(versionId)
    if (next === undefined) return []
    const { id = '', name = '' } = this.#endpoint ?? {}
    const what = `the receiver of ${name} has not proved that it has version ${next.number}`
    return [`${what}: ask it with \`lockgate webhooks probe ${id}\``]
  }

  #versionUse(version: VersionRecord): VersionUse {
    const own = this.#uses.filter(({ versionId }) => versionId === version.id)
    const accepted = own.filter(({ outcome }) => outcome === 'accepted')
    const last = Math.max(...accepted.map(({ lastAtMs }) => lastAtMs))
    return {
      versionId: version.id,
      number: version.number,
      state: stateAt(version, this.#nowMs),
      lastUsedAtMs: Number.isFinite(last) ? last : undefined,
      useCount: accepted.reduce((sum, { count }) => sum + count, 0),
      openConnectionCount: countResting(this.#spaces(), version.id),
      sources: own.map(({ outcome, protocol, ip, agent, count, firstAtMs, lastAtMs }) => {
        return { outcome, protocol, ip, agent, count, firstAtMs, lastAtMs }
      }),
    }
  }

  #stragglers(versionId: string): readonly UseRecord[] {
    return this.#uses.filter(
      (use) =>
        use.versionId === versionId &&
        use.outcome === 'accepted' &&
        this.#nowMs - use.lastAtMs < QUIET_MS,
    )
  }
}

function describeUse(use: UseRecord, version: VersionRecord | undefined): string {
  const who = use.agent === '' ? use.ip : `${use.ip} (${use.agent})`
  const when = new Date(use.lastAtMs).toISOString()
  const what = `version ${version?.number ?? '?'}`
  return `${who} used ${what} over ${use.protocol} ${use.count} times, last ${when}`
}

function merged(uses: readonly UseRecord[]): readonly UseRecord[] {
  const sums = new Map<string, UseRecord>()
  for (const use of uses) {
    const key = JSON.stringify([use.versionId, use.outcome, use.protocol, use.ip, use.agent])
    const known = sums.get(key)
    sums.set(key, known === undefined ? use : added(known, use))
  }
  return [...sums.values()].sort((a, b) => b.lastAtMs - a.lastAtMs)
}

function added(first: UseRecord, second: UseRecord): UseRecord {
  return {
    ...first,
    count: first.count + second.count,
    firstAtMs: Math.min(first.firstAtMs, second.firstAtMs),
    lastAtMs: Math.max(first.lastAtMs, second.lastAtMs),
  }
}
