/** What credential changes take and give. */
import type {
  CredentialAttributes,
  CredentialKind,
  CredentialRecord,
  RotationPolicy,
} from '../../ports/records/credential.ts'
import type { KeyFields } from '../foreign-keys/registered-key.ts'
import type { Receipt } from '../../core/receipt.ts'

/** Whose credential it is; neither: the installation's (operator keys). */
export interface CredentialOwner {
  readonly tenantId: string | undefined
  readonly appId: string | undefined
}

export interface NewCredential extends CredentialOwner {
  readonly kind: CredentialKind
  readonly name: string
  readonly attributes: CredentialAttributes
  /** A value of the caller's own, held to the strength policy; undefined: generated. */
  readonly value?: string | undefined
  /** In place of a value: what the customer's own key pair is known by. */
  readonly key?: KeyFields | undefined
  readonly expiresAtMs?: number | undefined
  readonly policy?: Partial<RotationPolicy> | undefined
  /** Refused (`changed_meanwhile`) where the owner has one of this kind by then. */
  readonly isOnlyOfKind?: boolean
}

/** `value` is given out this once and kept nowhere in clear. */
export interface IssuedCredential {
  readonly credential: CredentialRecord
  readonly versionId: string
  /** Undefined for public keys of customers, and for values that wait to be fetched. */
  readonly value: string | undefined
}

export interface RotationRequest {
  readonly credentialId: string
  /** Undefined: the policy's default. 0: the old version is revoked at once. */
  readonly overlapMs?: number | undefined
  readonly value?: string | undefined
  readonly key?: KeyFields | undefined
  readonly expiresAtMs?: number | undefined
  /** Ends the oldest accepted version where two are accepted already. */
  readonly isForced?: boolean | undefined
  readonly reason?: string | undefined
  /** `stage`: until when the value waits to be fetched, in place of leaving in the answer. */
  readonly waitsUntilMs?: number | undefined
}

export interface RotationOutcome extends IssuedCredential {
  /** What ended at once; undefined where an overlap keeps everything. */
  readonly receipt: Receipt | undefined
}

export interface VersionRequest {
  readonly credentialId: string
  readonly versionId: string
  readonly isForced?: boolean | undefined
  readonly reason?: string | undefined
  /** `extend` and `enable`: the new end of the overlap. */
  readonly acceptUntilMs?: number | undefined
  /** `promote`: undefined is the policy's default. */
  readonly overlapMs?: number | undefined
}

export interface VersionUse {
  readonly versionId: string
  readonly number: number
  readonly state: string
  readonly lastUsedAtMs: number | undefined
  readonly useCount: number
  readonly openConnectionCount: number
  readonly sources: readonly {
    readonly outcome: string
    readonly protocol: string
    readonly ip: string
    readonly agent: string
    readonly count: number
    readonly firstAtMs: number
    readonly lastAtMs: number
  }[]
}

export interface Readiness {
  readonly credentialId: string
  readonly versions: readonly VersionUse[]
  /** Whether the previous version can be disabled without anybody noticing. */
  readonly canDisable: boolean
  /** Why not, named: who still uses the old version, and since when. */
  readonly blockers: readonly string[]
  /** Attempts with versions that are no longer accepted: consumers that were missed. */
  readonly missed: readonly string[]
}
