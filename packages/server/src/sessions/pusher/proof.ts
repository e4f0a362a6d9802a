/** What a signature that a client brings rests on. Contract 1C. */
import { parseAuthString } from '@lockgate/protocol/pusher/signature'
import type { AppSpace } from '../../core/app-space.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import {
  namedAppKey,
  type RecordDenial,
  retiredAttempt,
} from '../../credentials/audit/denied-access.ts'
import { signerOf } from '../../credentials/signature.ts'
import type { RecordUse } from '../../credentials/use-recorder.ts'
import type { Clock } from '../../ports/clock.ts'

export interface ProofContext {
  readonly directory: AppDirectory
  readonly clock: Clock
  /** Told of every signature that a version of the app made, accepted or not. */
  readonly recordUse: RecordUse
  readonly recordDenial: RecordDenial
  readonly space: AppSpace
  readonly source: Source
}

export interface GivenProof {
  /** `key:signature` as the client sent it. */
  readonly auth: string | undefined
  /** What has to be signed. */
  readonly text: string
  /** What it is refused as where nobody vouches for it. */
  readonly refusal: RefusalCode
}

/** @returns the version that vouches; undefined when nobody does, which is then in the audit. */
export function provenBy(given: GivenProof, context: ProofContext): Reliance | undefined {
  const parsed = given.auth === undefined ? undefined : parseAuthString(given.auth)
  const { directory, clock, recordUse, recordDenial, space, source } = context
  const found = parsed && directory.findByAppKey(parsed.key)
  // A key of another app signs nothing here, after the same work.
  const entry = found?.loaded.app.id === space.app.id ? found : undefined
  const signature = parsed?.signature ?? ''
  const signed = { signature, text: given.text }
  const signer = parsed && signerOf(entry?.credential, signed, clock.nowMs())
  if (signer === undefined) {
    const target = namedAppKey(entry)
    const failed = { action: 'auth.failed', reason: given.refusal, target, source } as const
    recordDenial(failed, space.app)
    return undefined
  }
  recordUse(signer, source, space.app)
  if (signer.outcome !== 'accepted') {
    recordDenial({ ...retiredAttempt(signer), source }, space.app)
    return undefined
  }
  return relianceOn({ kind: 'version', versionId: signer.versionId })
}

/**
 * Tells the audit of a try for the channel of another user, whose name stays out of it: clients
 * choose it. A proof that did not hold was told of as such.
 * @returns the refusal.
 */
export function toldRefusal<Refused extends { readonly refusal: RefusalCode }>(
  refused: Refused,
  { recordDenial, space, source }: ProofContext,
): Refused {
  const { refusal: reason } = refused
  if (reason !== 'not_channel_owner') return refused
  const target = { kind: 'user_channel', id: '*' }
  recordDenial({ action: 'auth.denied', reason, target, source }, space.app)
  return refused
}
