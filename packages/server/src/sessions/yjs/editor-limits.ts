/** The limits of one editor: those of its token, of its plan and of its app together. */
import type { Asker } from '../../core/limits/charge-writing.ts'
import { type AppLimits, ownSubject } from '../../core/limits/charges.ts'
import { concurrentRefusal } from '../../core/limits/effective-limits.ts'
import type { Guard } from '../../core/limits/guard.ts'
import type { ConcurrentLimitName } from '../../core/limits/limit-names.ts'
import {
  concurrentReading,
  type LimitRefusal,
  refuseByLimit,
} from '../../core/limits/limit-refusal.ts'
import type { Source } from '../../core/source.ts'
import type { AppDirectory } from '../../credentials/app-directory.ts'
import type { AppLimitBook } from '../../credentials/app-limits.ts'
import type { EditorIdentity } from '../../credentials/documents/editor-identity.ts'

export interface EditorLimitsDeps {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly directory: AppDirectory
}

export class EditorLimits {
  readonly #deps: EditorLimitsDeps
  readonly #asker: Asker
  readonly #identity: EditorIdentity

  constructor(
    editor: { readonly id: string; readonly identity: EditorIdentity; readonly source: Source },
    deps: EditorLimitsDeps,
  ) {
    this.#deps = deps
    this.#identity = editor.identity
    const { loaded, userId } = editor.identity
    const user = userId === undefined ? undefined : ownSubject(loaded.app.id, userId)
    const connection = ownSubject(loaded.app.id, `#${editor.id}`)
    this.#asker = { user, connection, source: editor.source }
  }

  /** @param counts how many are open without this one; of the user, where there is one. */
  connect(counts: { readonly app: number; readonly user: number }): LimitRefusal | undefined {
    const full = this.#full('connections.app', counts.app, this.#identity.loaded.app.id)
    if (full !== undefined) return refuseByLimit(full, 'connections_full')
    const { user } = this.#asker
    if (user === undefined) return undefined
    const ofUser = this.#full('connections.user', counts.user, user)
    return ofUser && refuseByLimit(ofUser, 'user_connections_full')
  }

  /** Charges one operation (contract WireSocket 8). @returns undefined when it may go on. */
  update(documentName: string, update: Uint8Array): LimitRefusal | undefined {
    const charged = { channel: documentName, data: update }
    const { refused } = this.#deps.guard.topicPublish(this.#limits(), this.#asker, charged)
    return refused && refuseByLimit(refused)
  }

  #full(name: ConcurrentLimitName, openCount: number, subject: string) {
    const limits = this.#limits()
    const full = concurrentRefusal(limits.concurrent(name), openCount + 1)
    if (full === undefined) return undefined
    const reading = concurrentReading(full, openCount, subject)
    this.#deps.guard.full(reading, limits.owner, this.#asker.source)
    return full.isShadow ? undefined : reading
  }

  /** As they are now: the app is replaced as a whole when its plan or settings change. */
  #limits(): AppLimits {
    const { loaded, limits } = this.#identity
    const now = this.#deps.directory.findById(loaded.app.id) ?? loaded
    return this.#deps.limitBook.for(now, limits)
  }
}
