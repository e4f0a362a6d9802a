/** Who edits documents, once the credential holds. Contract WireSocket 5. */
import type { Result } from '@lockgate/protocol/result'
import type { DocumentLimits } from '../../core/documents/documents.ts'
import type { CredentialLimits } from '../../core/limits/narrowed-limits.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { AppSettings } from '../../ports/records/app.ts'
import type { LoadedApp } from '../app-directory.ts'

export interface EditorIdentity {
  readonly loaded: LoadedApp
  /** The user of the app; undefined for keys and for clients of ours. */
  readonly userId: string | undefined
  readonly reliances: readonly Reliance[]
  /** Epoch; undefined: until it is rotated. */
  readonly expiresAtMs: number | undefined
  /** What is charged for updates; the same object for as long as the token is known. */
  readonly limits: CredentialLimits | undefined
  readonly documentLimits: DocumentLimits
  /** As it is now: the scopes of a key may change while it is connected. */
  mayRead(documentName: string): boolean
  mayWrite(documentName: string): boolean
}

/** What an editor shows. Nothing in it is trusted. */
export interface EditorCredential {
  readonly token: string
  /** `Origin` header as sent. */
  readonly origin: string | undefined
  readonly isTls: boolean
}

/** A refusal, and how the app wants it told, where it is known which one is meant. */
export type EditorAnswer = Result<EditorIdentity, RefusalCode> & {
  readonly settings?: AppSettings | undefined
}

export interface DocumentDoor {
  /**
   * Decides without a database. Records uses and denials, and charges failures.
   * @returns at once where nothing has to be waited for.
   */
  authenticate(credential: EditorCredential, source: Source): EditorAnswer | Promise<EditorAnswer>
  /** Somebody came without a token: recorded and charged as a failure. */
  missing(source: Source): RefusalCode
}
