/** What a signature that a client brings rests on. Contract 1C. */
import { parseAuthString } from '@lockgate/protocol/pusher/signature'
import type { AppSpace } from '../../core/app-space.ts'
import { type Reliance, relianceOn } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import { signerOf } from '../../credentials/signature.ts'
import type { RecordUse } from '../../credentials/use-recorder.ts'
import type { Clock } from '../../ports/clock.ts'

export interface ProofContext {
  readonly directory: AppDirectory
  readonly clock: Clock
  /** Told of every signature that a version of the app made, accepted or not. */
  readonly recordUse: RecordUse
  readonly space: AppSpace
  readonly source: Source
}

/**
 * @param auth `key:signature` as the client sent it.
 * @param text what has to be signed.
 * @returns the version that vouches for it; undefined when nobody does.
 */
export function provenBy(
  auth: string | undefined,
  text: string,
  context: ProofContext,
): Reliance | undefined {
  const given = auth === undefined ? undefined : parseAuthString(auth)
  if (given === undefined) return undefined
  const { directory, clock, recordUse, space, source } = context
  const entry = directory.findByAppKey(given.key)
  // A key of another app signs nothing here, after the same work.
  const credential = entry?.loaded.app.id === space.app.id ? entry.credential : undefined
  const signer = signerOf(credential, { signature: given.signature, text }, clock.nowMs())
  if (signer === undefined) return undefined
  recordUse(signer, source, space.app)
  if (signer.outcome !== 'accepted') return undefined
  return relianceOn({ kind: 'version', versionId: signer.versionId })
}
