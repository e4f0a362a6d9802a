/**
 * Refused credentials and calls, told to the audit: by every door in the same words, into the chain
 * of whom it concerns. What a caller sent is never written down as it is: people paste secrets
 * where keys belong. A credential is named by its key id or its record, or not at all.
 */
import type { Source } from '../../core/source.ts'
import type { AppKeyEntry } from '../app-directory.ts'
import { parseKey } from '../key-format.ts'
import type { AuditAction } from './actions.ts'
import type { Deny } from './denials.ts'
import { type AuditActor, type AuditDetail, type AuditEntry, INSTALLATION } from './entry.ts'

export interface DeniedAttempt {
  readonly action: Extract<AuditAction, `auth.${string}` | 'limit.exceeded' | 'topic.denied'>
  /** A refusal code, or the state of the version that was tried. */
  readonly reason: string
  readonly source: Source
  readonly target: AuditEntry['target']
  /** Absent where nobody was recognized. */
  readonly actor?: AuditActor
  /** Ids only; the same for all attempts on the same target. */
  readonly after?: AuditDetail
  readonly requestId?: string
}

/** Whose chain a denial goes into. An app fits; without a region it is in the control database. */
export interface DenialOwner {
  /** Undefined for the installation. */
  readonly tenantId: string | undefined
  readonly region?: string
  /** Of an app. */
  readonly id?: string
}

/** Takes microseconds and never throws for what a caller sent. */
export type RecordDenial = (attempt: DeniedAttempt, owner: DenialOwner) => void

/** Of attempts that concern nobody we know. */
export const NO_OWNER: DenialOwner = { tenantId: undefined }

const ANONYMOUS: AuditActor = { kind: 'anonymous', id: '' }
const CONTROL = 'control'

/** @param codeOf the code of a region's database. */
export function denialRecorder(deny: Deny, codeOf: (region: string) => string): RecordDenial {
  return ({ actor = ANONYMOUS, ...attempt }, { tenantId = INSTALLATION, region }) => {
    const code = region === undefined ? CONTROL : codeOf(region)
    deny({ ...attempt, tenantId, actor, outcome: 'denied' }, code)
  }
}

/** @returns a presented key by its id, which is public; anything else stays unnamed. */
export function namedBearer(token: string): AuditEntry['target'] {
  const parsed = parseKey(token)
  return parsed.ok ? { kind: 'key', id: parsed.value.keyId } : { kind: 'bearer', id: 'unknown' }
}

/** @returns an app key by its credential, if it is one that exists. */
export function namedAppKey(entry: AppKeyEntry | undefined): AuditEntry['target'] {
  if (entry === undefined) return { kind: 'app_key', id: 'unknown' }
  const { id, attributes } = entry.credential.record
  return { kind: 'signing_secret', id, name: attributes.appKey ?? '' }
}

/** An attempt with a version that was good once: a consumer that was missed, or a thief. */
export function retiredAttempt(use: {
  readonly credentialId: string
  readonly versionId: string
  readonly outcome: string
}): Pick<DeniedAttempt, 'action' | 'reason' | 'target' | 'after'> {
  return {
    action: 'auth.retired_version',
    reason: use.outcome,
    target: { kind: 'version', id: use.versionId },
    after: { credentialId: use.credentialId },
  }
}
