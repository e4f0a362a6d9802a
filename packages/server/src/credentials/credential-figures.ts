/**
 * What a scraper learns of the age and use of secrets. Read off the directories when somebody asks;
 * uses of old versions are counted where they are handed to the store, off the hot path.
 */
import type { Clock } from '../ports/clock.ts'
import type { MetricDefinitions } from '../ports/metrics.ts'
import type { CredentialRecord } from '../ports/records/credential.ts'
import type { UseRecord } from '../ports/records/use.ts'
import type { Authority } from './authority.ts'
import { dueState } from './engine/due-state.ts'
import { acceptedVersions, isAccepted } from './engine/reading.ts'

/** The labels, and all there are. */
type OldUse = 'previous' | 'retired' | 'revoked'

export class CredentialFigures {
  readonly #authority: Authority
  readonly #clock: Clock
  readonly #oldUses = new Map<OldUse, number>()

  constructor(deps: { readonly authority: Authority; readonly clock: Clock }) {
    this.#authority = deps.authority
    this.#clock = deps.clock
  }

  /** Adds uses that were handed to the store; those of current versions do not count. */
  count(uses: readonly UseRecord[]): void {
    for (const use of uses) {
      const kind = this.#oldUseOf(use)
      if (kind !== undefined) this.#oldUses.set(kind, (this.#oldUses.get(kind) ?? 0) + use.count)
    }
  }

  metrics(): MetricDefinitions {
    const gauge = (name: string, help: string, read: () => number) =>
      ({ name: `lockgate_${name}`, help, kind: 'gauge', read }) as const
    return {
      plain: [
        gauge('credential_oldest_accepted_age_seconds', 'Age of the oldest accepted secret', () =>
          this.#oldestSeconds(),
        ),
        gauge('credentials_overdue', 'Credentials whose rotation is overdue', () =>
          this.#countOf((record, nowMs) => dueState(record, nowMs).state === 'overdue'),
        ),
        gauge('credential_overlaps_open', 'Credentials with an old version still accepted', () =>
          this.#countOf(hasOverlap),
        ),
      ],
      labelled: [
        {
          name: 'lockgate_old_version_uses_total',
          help: 'Uses of previous versions, and attempts with retired and revoked ones',
          kind: 'counter',
          label: 'state',
          read: () => this.#oldUses,
        },
      ],
    }
  }

  #oldUseOf({ credentialId, versionId, outcome }: UseRecord): OldUse | undefined {
    if (outcome !== 'accepted') return outcome
    const record = this.#authority.findCredential(credentialId)
    const version = record?.versions.find(({ id }) => id === versionId)
    return version?.state === 'previous' ? 'previous' : undefined
  }

  #oldestSeconds(): number {
    const nowMs = this.#clock.nowMs()
    let oldestMs = nowMs
    for (const record of this.#authority.credentials()) {
      for (const { createdAtMs } of acceptedVersions(record, nowMs)) {
        oldestMs = Math.min(oldestMs, createdAtMs)
      }
    }
    return (nowMs - oldestMs) / 1_000
  }

  #countOf(holds: (record: CredentialRecord, nowMs: number) => boolean): number {
    const nowMs = this.#clock.nowMs()
    let count = 0
    for (const record of this.#authority.credentials()) if (holds(record, nowMs)) count++
    return count
  }
}

function hasOverlap({ versions }: CredentialRecord, nowMs: number): boolean {
  return versions.some((each) => each.state === 'previous' && isAccepted(each, nowMs))
}
