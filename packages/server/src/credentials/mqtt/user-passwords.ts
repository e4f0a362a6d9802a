/**
 * Permanent passwords of MQTT users. A wrong one costs a keyed fingerprint, whoever it is said to
 * be of; a right one a slow hash off the event loop, once in the life of the process.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { Clock } from '../../ports/clock.ts'
import type { VersionRecord } from '../../ports/records/credential.ts'
import { admitApp, type AppDirectory, type UserEntry } from '../app-directory.ts'
import {
  type DenialOwner,
  NO_OWNER,
  type RecordDenial,
  retiredAttempt,
} from '../audit/denied-access.ts'
import type { SecretCheck, SecretMatch } from '../secret-check.ts'
import type { RecordUse } from '../use-recorder.ts'

export interface PasswordDeps {
  readonly apps: AppDirectory
  readonly check: SecretCheck
  readonly clock: Clock
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
}

/** Untrusted, but for the tenant: that there is one of the organization that was named. */
export interface PasswordAttempt {
  /** Undefined where there is no such organization: it fails like a wrong password. */
  readonly tenantId: string | undefined
  readonly name: string
  readonly password: string
  readonly source: Source
}

export interface ProvenUser extends UserEntry {
  readonly version: VersionRecord
}

type Answer = Result<ProvenUser, RefusalCode>

interface Found {
  readonly entry: UserEntry
  readonly match: SecretMatch
}

const NOBODY: readonly UserEntry[] = []

export class UserPasswords {
  readonly #deps: PasswordDeps

  constructor(deps: PasswordDeps) {
    this.#deps = deps
  }

  /**
   * @returns at once but for the first use of a value; `credential_invalid` for every way in which
   * organization, name and password do not fit.
   */
  authenticate(attempt: PasswordAttempt): Answer | Promise<Answer> {
    const found = this.#find(attempt)
    const { check } = this.#deps
    const isNew = found?.match.outcome === 'accepted' && !check.isConfirmed(found.match.version)
    return isNew ? this.#confirm(attempt, found.match.version) : this.#admit(attempt, found)
  }

  async #confirm(attempt: PasswordAttempt, version: VersionRecord): Promise<Answer> {
    const isRight = await this.#deps.check.confirm(attempt.password, version)
    // The slow hash takes time enough to revoke the user: what counts is how it is now.
    return this.#admit(attempt, isRight ? this.#find(attempt) : undefined)
  }

  /** All users of the name are compared in one go: apps of an organization may each have one. */
  #find(attempt: PasswordAttempt): Found | undefined {
    const entries = this.#named(attempt)
    const [first] = entries
    const versions =
      entries.length === 1 && first !== undefined
        ? first.credential.record.versions
        : entries.flatMap(({ credential }) => credential.record.versions)
    const match = this.#deps.check.match(attempt.password, versions, this.#deps.clock.nowMs())
    if (match === undefined) return undefined
    const holds = ({ credential }: UserEntry) => credential.record.versions.includes(match.version)
    const entry = entries.find(holds)
    return entry === undefined ? undefined : { entry, match }
  }

  #named({ tenantId, name }: PasswordAttempt): readonly UserEntry[] {
    return tenantId === undefined ? NOBODY : this.#deps.apps.findUsers(tenantId, name)
  }

  #admit(attempt: PasswordAttempt, found: Found | undefined): Answer {
    if (found === undefined) return this.#fail(attempt)
    const { source } = attempt
    const { recordUse, recordDenial, clock } = this.#deps
    const { loaded, credential } = found.entry
    const { version, outcome } = found.match
    const { id, kind, name } = credential.record
    const use = { credentialId: id, versionId: version.id, outcome }
    recordUse(use, source, loaded.app)
    if (outcome !== 'accepted') {
      recordDenial({ ...retiredAttempt(use), source }, loaded.app)
      return refuse('credential_invalid')
    }
    const admitted = admitApp(loaded, clock.nowMs())
    if (admitted.ok) return ok({ loaded, credential, version })
    const target = { kind, id, name }
    const denied = { action: 'auth.denied', reason: admitted.refusal, source, target } as const
    recordDenial(denied, loaded.app)
    return admitted
  }

  #fail(attempt: PasswordAttempt): Answer {
    const { tenantId, source } = attempt
    const [first] = this.#named(attempt)
    const record = first?.credential.record
    // A name that is none of ours may be anything, a password in the wrong field too.
    const target =
      record === undefined
        ? { kind: 'mqtt_user', id: 'unknown' }
        : { kind: record.kind, id: record.id, name: record.name }
    const reason = 'credential_invalid' as const
    const owner = first?.loaded.app ?? this.#addressed(tenantId)
    this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, owner)
    return refuse(reason)
  }

  #addressed(tenantId: string | undefined): DenialOwner {
    if (tenantId === undefined) return NO_OWNER
    return this.#deps.apps.defaultOf(tenantId)?.app ?? { tenantId }
  }
}
