/**
 * Who edits over a socket, as the hub sees it. A socket has one for each token that came over it,
 * which is one nearly always: what rests on a token ends with it, and leaves the others alone.
 */
import type { AppSpace } from '../../core/app-space.ts'
import type { Subscription } from '../../core/connection.ts'
import type { SignedInUser } from '../../core/connection.ts'
import type { DocumentConnection } from '../../core/documents/documents.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Reliance } from '../../core/reliance.ts'
import type { Source } from '../../core/source.ts'
import type { EditorIdentity } from '../../credentials/documents/editor-identity.ts'
import type { Outbox } from '../../ports/fanout.ts'
import { endOf } from '../lifetime.ts'
import type { EditorLimits } from './editor-limits.ts'

export interface EditorStart {
  /** Fresh and not guessable. */
  readonly id: string
  readonly identity: EditorIdentity
  readonly space: AppSpace
  readonly source: Source
  readonly outbox: Outbox
  readonly limits: EditorLimits
  /** Monotonic, and epoch. */
  readonly openedAt: { readonly monotonicMs: number; readonly epochMs: number }
  /** Told when something outside of the connection ends it. */
  readonly ended: (editor: Editor, refusal: RefusalCode) => void
}

const NO_SUBSCRIPTIONS: ReadonlyMap<string, Subscription> = new Map()

export class Editor implements DocumentConnection {
  readonly protocol = 'yjs'
  readonly subscriptions = NO_SUBSCRIPTIONS
  user: SignedInUser | undefined
  endedBy: RefusalCode | undefined
  readonly #start: EditorStart

  constructor(start: EditorStart) {
    this.#start = start
  }

  get id(): string {
    return this.#start.id
  }

  get source(): Source {
    return this.#start.source
  }

  get outbox(): Outbox {
    return this.#start.outbox
  }

  get openedAtMs(): number {
    return this.#start.openedAt.monotonicMs
  }

  get openedBy(): readonly Reliance[] {
    return this.#start.identity.reliances
  }

  get identity(): EditorIdentity {
    return this.#start.identity
  }

  get space(): AppSpace {
    return this.#start.space
  }

  get limits(): EditorLimits {
    return this.#start.limits
  }

  /** Epoch; undefined: the connection has no end of its own (decision 16). */
  endsAtMs(): number | undefined {
    const { documentExpiry: expiry } = this.space.app.settings
    return endOf(this.identity.expiresAtMs, expiry, this.#start.openedAt.epochMs)
  }

  end(refusal: RefusalCode): boolean {
    if (this.endedBy !== undefined) return false
    this.endedBy = refusal
    this.#start.ended(this, refusal)
    return true
  }
}
