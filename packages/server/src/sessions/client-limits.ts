/**
 * The limits of one client, of whichever protocol: those of its token, of its plan and of its app
 * together, asked before anything is done. What a protocol charges stands beside its session.
 */
import type { AppSpace } from '../core/app-space.ts'
import type { Asker } from '../core/limits/charge-writing.ts'
import { type AppLimits, ownSubject } from '../core/limits/charges.ts'
import { concurrentRefusal } from '../core/limits/effective-limits.ts'
import type { Guard } from '../core/limits/guard.ts'
import type { ConcurrentLimitName } from '../core/limits/limit-names.ts'
import {
  concurrentReading,
  type LimitRefusal,
  refuseByLimit,
} from '../core/limits/limit-refusal.ts'
import type { CredentialLimits } from '../core/limits/narrowed-limits.ts'
import type { Source } from '../core/source.ts'
import type { AppDirectory, LoadedApp } from '../credentials/app-directory.ts'
import type { AppLimitBook } from '../credentials/app-limits.ts'

export interface ClientLimitsDeps {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly directory: AppDirectory
}

export interface LimitedClient {
  readonly id: string
  readonly identity: {
    readonly loaded: LoadedApp
    readonly userId: string | undefined
    readonly limits: CredentialLimits | undefined
  }
  readonly source: Source
}

export class ClientLimits {
  readonly asker: Asker & { readonly connection: string }
  readonly #deps: ClientLimitsDeps
  readonly #identity: LimitedClient['identity']

  constructor({ id, identity, source }: LimitedClient, deps: ClientLimitsDeps) {
    this.#deps = deps
    this.#identity = identity
    const { loaded, userId } = identity
    const user = userId === undefined ? undefined : ownSubject(loaded.app.id, userId)
    this.asker = { user, connection: ownSubject(loaded.app.id, `#${id}`), source }
  }

  get guard(): Guard {
    return this.#deps.guard
  }

  /** Whether one more connection may be open, beside all that are. */
  connectTo({ connections, users }: AppSpace): LimitRefusal | undefined {
    const { userId } = this.#identity
    const user = userId === undefined ? 0 : users.connectionCount(userId)
    return this.connect({ app: connections.size, user })
  }

  /** @param counts how many are open without this one; of the user, where there is one. */
  connect(counts: { readonly app: number; readonly user: number }): LimitRefusal | undefined {
    const { loaded, userId } = this.#identity
    const full = this.full('connections.app', counts.app, loaded.app.id)
    if (full !== undefined) return refuseByLimit(full, 'connections_full')
    if (userId === undefined) return undefined
    const ofUser = this.full('connections.user', counts.user, ownSubject(loaded.app.id, userId))
    return ofUser && refuseByLimit(ofUser, 'user_connections_full')
  }

  /**
   * Asks a limit of what is open at a time, and has told who ran into it.
   * @param openCount without the one that is asked for.
   * @param subject whose they are.
   * @returns what refuses; undefined: there is room.
   */
  full(name: ConcurrentLimitName, openCount: number, subject: string) {
    const limits = this.current()
    const full = concurrentRefusal(limits.concurrent(name), openCount + 1)
    if (full === undefined) return undefined
    const reading = concurrentReading(full, openCount, subject)
    this.#deps.guard.full(reading, limits.owner, this.asker.source)
    return full.isShadow ? undefined : reading
  }

  /** As they are now: the app is replaced as a whole when its plan or settings change. */
  current(): AppLimits {
    const { loaded, limits } = this.#identity
    const now = this.#deps.directory.findById(loaded.app.id) ?? loaded
    return this.#deps.limitBook.for(now, limits)
  }
}
