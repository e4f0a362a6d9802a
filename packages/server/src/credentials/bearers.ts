/**
 * Who a bearer credential stands for (RFC 6750). One function for every protocol that takes one:
 * API keys are checked here, signed tokens by the door they are for.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { CredentialLimits } from '../core/limits/narrowed-limits.ts'
import type { Permissions } from '../core/permissions.ts'
import type { RefusalCode } from '../core/refusals.ts'
import { type Reliance, relianceOn } from '../core/reliance.ts'
import type { Source } from '../core/source.ts'
import type { Clock } from '../ports/clock.ts'
import type { AppRecord } from '../ports/records/app.ts'
import type { CredentialRecord, VersionRecord } from '../ports/records/credential.ts'
import type { PlanLimits } from '../ports/records/plan.ts'
import { admitApp, type AppDirectory, type KeyEntry, type LoadedApp } from './app-directory.ts'
import {
  type DenialOwner,
  namedBearer,
  NO_OWNER,
  type RecordDenial,
  retiredAttempt,
} from './audit/denied-access.ts'
import { readLimits } from './app-limits.ts'
import { API_KEY_PREFIXES, parseKey } from './key-format.ts'
import { permissionsOfScopes } from './scopes.ts'
import type { SecretCheck, SecretMatch } from './secret-check.ts'
import { peekToken, type PeekedToken } from './tokens/peek.ts'
import type { RecordUse } from './use-recorder.ts'

/** What a credential that was verified may do, and what it rests on. */
export interface BearerIdentity {
  readonly loaded: LoadedApp
  readonly permissions: Permissions
  readonly reliances: readonly Reliance[]
  /** The user a token was made for. */
  readonly userId: string | undefined
  /** Undefined for keys, which live until they are rotated. */
  readonly expiresAtMs: number | undefined
  /** What it says of its limits, the same object for as long as it is known; undefined: nothing. */
  readonly limits: CredentialLimits | undefined
  /** The numbers of the plan in an access token of ours; undefined: it is none, or names none. */
  readonly planLimits?: PlanLimits | undefined
  /** Of an access token of ours; epoch. */
  readonly issuedAtMs?: number | undefined
}

export interface KeyIdentity extends BearerIdentity {
  readonly credential: CredentialRecord
  readonly version: VersionRecord
}

type KeyAnswer = Result<KeyIdentity, RefusalCode>

interface KeyAttempt {
  readonly token: string
  readonly source: Source
  readonly owner: DenialOwner
}

interface FoundKey {
  readonly entry: KeyEntry | undefined
  readonly match: SecretMatch | undefined
}

/** Verifies one family of signed tokens. */
export interface TokenDoor {
  /** Whether this door decides about a token; the first one that is for it decides alone. */
  isFor(peeked: PeekedToken): boolean
  /** @returns who a token of this door stands for that was verified before and still holds. */
  recall?(token: string): BearerIdentity | undefined
  /**
   * @returns `credential_invalid` for every way in which a token is not genuine; only of one that
   * is, what has ended it.
   */
  authenticate(token: string, source: Source): Promise<Result<BearerIdentity, RefusalCode>>
}

export interface BearerDeps {
  readonly apps: AppDirectory
  readonly check: SecretCheck
  readonly clock: Clock
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
  readonly doors: readonly TokenDoor[]
}

export class Bearers {
  readonly #deps: BearerDeps
  readonly #keyLimits = new WeakMap<CredentialRecord, CredentialLimits>()
  readonly #keyPermissions = new WeakMap<CredentialRecord, Permissions>()

  constructor(deps: BearerDeps) {
    this.#deps = deps
  }

  /**
   * What is refused is in the audit of the app whose key it is; where that is nobody's, of the one
   * that was addressed, or of the installation.
   * @param addressed the app the caller wants something of, if that is known.
   * @returns one refusal for every way in which a key is not valid.
   */
  async authenticate(
    token: string,
    source: Source,
    addressed?: AppRecord,
  ): Promise<Result<BearerIdentity, RefusalCode>> {
    const known = this.recall(token)
    if (known !== undefined) return ok(known)
    const owner = addressed ?? NO_OWNER
    const target = namedBearer(token)
    const peeked = peekToken(token)
    if (peeked === undefined) return this.authenticateKey(token, source, addressed)
    const identity = await this.#throughDoor(token, peeked, source)
    if (!identity.ok) {
      const denied = { action: 'auth.failed', reason: identity.refusal, source, target } as const
      this.#deps.recordDenial(denied, owner)
    }
    return identity
  }

  /** Who a token stands for that was verified before and still holds: nothing to wait for. */
  recall(token: string): BearerIdentity | undefined {
    for (const door of this.#deps.doors) {
      const known = door.recall?.(token)
      if (known !== undefined) return known
    }
    return undefined
  }

  /** Who a signed token stands for; looking at it is no attempt to come in. */
  async verifySigned(token: string, source: Source): Promise<Result<BearerIdentity, RefusalCode>> {
    const peeked = peekToken(token)
    if (peeked === undefined) return refuse('credential_invalid')
    return this.#throughDoor(token, peeked, source)
  }

  async #throughDoor(
    token: string,
    peeked: PeekedToken,
    source: Source,
  ): Promise<Result<BearerIdentity, RefusalCode>> {
    const door = this.#deps.doors.find((each) => each.isFor(peeked))
    return door === undefined ? refuse('credential_invalid') : door.authenticate(token, source)
  }

  /**
   * Who a key stands for, recorded as {@link authenticate} does.
   * @returns at once where the key was used before in the life of this process.
   */
  authenticateKey(
    token: string,
    source: Source,
    addressed?: AppRecord,
  ): KeyAnswer | Promise<KeyAnswer> {
    const attempt = { token, source, owner: addressed ?? NO_OWNER }
    const parsed = parseKey(token)
    // What is mistyped or made up costs a checksum and no look-up.
    if (!parsed.ok || !API_KEY_PREFIXES.has(parsed.value.prefix)) return this.#fail(attempt)
    const { keyId } = parsed.value
    const found = this.#findKey(token, keyId)
    const { match } = found
    const isNew = match?.outcome === 'accepted' && !this.#deps.check.isConfirmed(match.version)
    return isNew ? this.#confirmKey(attempt, keyId, found) : this.#admitKey(attempt, found)
  }

  async #confirmKey(attempt: KeyAttempt, keyId: string, found: FoundKey): Promise<KeyAnswer> {
    const { match, entry } = found
    const isRight = match !== undefined && this.#deps.check.confirm(attempt.token, match.version)
    if (!(await isRight)) return this.#fail(attempt, entry?.loaded.app)
    // The slow hash takes time enough to revoke the key: what counts is how it is now.
    return this.#admitKey(attempt, this.#findKey(attempt.token, keyId))
  }

  #admitKey(attempt: KeyAttempt, { entry, match }: FoundKey): KeyAnswer {
    const { token, source } = attempt
    const { clock, recordUse, recordDenial } = this.#deps
    if (entry === undefined || match === undefined) return this.#fail(attempt, entry?.loaded.app)
    const { loaded, credential } = entry
    const { id: credentialId } = credential.record
    const { version, outcome } = match
    const use = { credentialId, versionId: version.id, outcome }
    recordUse(use, source, loaded.app)
    if (outcome !== 'accepted') {
      recordDenial({ ...retiredAttempt(use), source }, loaded.app)
      return refuse('credential_invalid')
    }
    const admitted = admitApp(loaded, clock.nowMs())
    if (!admitted.ok) {
      const target = namedBearer(token)
      const denied = { action: 'auth.denied', reason: admitted.refusal, source, target } as const
      recordDenial(denied, loaded.app)
      return admitted
    }
    return ok({
      loaded,
      permissions: this.#permissionsOf(credential.record),
      reliances: [
        relianceOn({ kind: 'version', versionId: version.id }),
        relianceOn({ kind: 'credential', credentialId }),
      ],
      userId: undefined,
      expiresAtMs: undefined,
      limits: this.#limitsOf(credential.record),
      credential: credential.record,
      version,
    })
  }

  #fail({ token, source, owner }: KeyAttempt, of: DenialOwner = owner): KeyAnswer {
    const reason = 'credential_invalid'
    const target = namedBearer(token)
    this.#deps.recordDenial({ action: 'auth.failed', reason, source, target }, of)
    return refuse(reason)
  }

  /** Read once for each state of the key. */
  #permissionsOf(record: CredentialRecord): Permissions {
    const known = this.#keyPermissions.get(record)
    if (known !== undefined) return known
    const permissions = permissionsOfScopes(record.attributes.scopes)
    this.#keyPermissions.set(record, permissions)
    return permissions
  }

  /** Read once for each state of the key. */
  #limitsOf(record: CredentialRecord): CredentialLimits | undefined {
    const { limits: texts } = record.attributes
    if (texts === undefined || texts.length === 0) return undefined
    const known = this.#keyLimits.get(record)
    if (known !== undefined) return known
    const limits = { holder: record.id, limits: readLimits(texts) }
    this.#keyLimits.set(record, limits)
    return limits
  }

  #findKey(token: string, keyId: string): FoundKey {
    const { apps, check, clock } = this.#deps
    const entry = apps.findByKeyId(keyId)
    const versions = entry === undefined ? [] : [entry.version]
    return { entry, match: check.match(token, versions, clock.nowMs()) }
  }
}
