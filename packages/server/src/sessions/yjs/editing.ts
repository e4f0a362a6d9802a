/** What the two framings have in common: what a session asks of one, and offers it. */
import type { RefusalCode } from '../../core/refusals.ts'
import type { Source } from '../../core/source.ts'
import type { EditorIdentity } from '../../credentials/documents/editor-identity.ts'
import type { PacedOutbox } from '../../ports/fanout.ts'
import type { Editor } from './editor.ts'
import type { Refused } from './wire-refusals.ts'
import type { YjsDeps } from './yjs-deps.ts'

/** What the upgrade request said, checked. */
export interface UpgradeFacts {
  readonly source: Source
  readonly origin: string | undefined
  readonly isTls: boolean
  /** Header as sent, checked to be one host. */
  readonly host: string
  /** Of the path; undefined: none. */
  readonly documentName: string | undefined
  /** Who showed a token at the upgrade, and the token. */
  readonly shown: ShownToken | undefined
}

export interface ShownToken {
  readonly token: string
  readonly identity: EditorIdentity
  /** When it was asked about, monotonic. */
  readonly askedAtMs: number
}

export type Entrance =
  | { readonly ok: true; readonly editor: Editor }
  | ({ readonly ok: false } & Refused)

/** One framing of a connection. Frames come in order, none after {@link leave}. */
export interface Editing {
  receive(frame: Uint8Array): void
  /** About once a second. */
  tick(nowMs: number): void
  /** Something outside ended an editor of this connection. */
  editorEnded(editor: Editor, refusal: RefusalCode): void
  /** Anything the client counts as a message. */
  signOfLife(): Uint8Array
  /** Leaves every document and the hub. Idempotent. */
  leave(): void
}

/** The connection below. */
export interface EditingHost {
  readonly deps: YjsDeps
  readonly facts: UpgradeFacts
  readonly outbox: PacedOutbox
  /** Closed, or about to be: whatever was waited for is of no use any more. */
  readonly isOver: boolean
  /** Sends a frame, which counts as a sign of life. */
  send(frame: Uint8Array): void
  /** The token has been taken up, and is not needed again. */
  forgetToken(): void
  /** Lets somebody in, as far as plan and limits of its app allow. */
  enter(shown: Omit<ShownToken, 'token'>): Entrance
  /** Ends the connection; with a code that makes clients come back at once, a little later. */
  refuse(refused: Refused): void
  /** Ends it now. */
  finish(refused: Refused): void
  /** Goes on with what had to be waited for; failures end the connection. */
  later<T>(outcome: Promise<T>, goOn: (value: T) => void): void
  /** Something was asked that costs: too much of it in a second makes the reader wait. */
  spend(count: number): void
  /** Something waits: nothing is read until as many calls of {@link goOn} have come. */
  hold(): void
  goOn(): void
  /** An update is on its way, or has arrived: many or large ones make the reader wait. */
  submitted(byteCount: number): void
  settled(byteCount: number): void
}
