/** The limits of one wSocket client: asked before anything is done, in one decision. */
import type { AppSpace } from '../../core/app-space.ts'
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
import type { MessageIdentity } from '../../credentials/messages/message-identity.ts'
import type { LimitVerdict } from '../../ports/limit-engine.ts'

export interface WSocketLimitsDeps {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly directory: AppDirectory
}

export interface LimitedClient {
  readonly id: string
  readonly identity: MessageIdentity
  readonly source: Source
  readonly space: AppSpace
}

export class WSocketLimits {
  readonly #deps: WSocketLimitsDeps
  readonly #client: LimitedClient
  readonly #asker: Asker & { readonly connection: string }

  constructor(client: LimitedClient, deps: WSocketLimitsDeps) {
    this.#deps = deps
    this.#client = client
    const { identity, id, source } = client
    const { app } = identity.loaded
    const connection = ownSubject(app.id, `#${id}`)
    const { userId } = identity
    // Who is nobody is a user of his own on each connection; a user id holds no such name.
    const user = userId === undefined ? connection : ownSubject(app.id, userId)
    this.#asker = { user, connection, source }
  }

  /** Whether one more connection may be open, of the app and of the user. */
  connect(): LimitRefusal | undefined {
    const { space, identity } = this.#client
    const { userId, loaded } = identity
    const ofApp = this.#full('connections.app', space.connections.size, loaded.app.id)
    if (ofApp !== undefined) return refuseByLimit(ofApp, 'connections_full')
    if (userId === undefined) return undefined
    const user = ownSubject(loaded.app.id, userId)
    const ofUser = this.#full('connections.user', space.users.connectionCount(userId), user)
    return ofUser && refuseByLimit(ofUser, 'user_connections_full')
  }

  /** Charges a message, or a change of presence, which goes to as many. */
  publish(channel: string, data: string): LimitRefusal | undefined {
    return refusalOf(this.#deps.guard.topicPublish(this.#limits(), this.#asker, { channel, data }))
  }

  /** @param held what it is subscribed to. */
  subscribe(channel: string, held: ReadonlySet<string>): LimitRefusal | undefined {
    const full = held.has(channel)
      ? undefined
      : this.#full('subscriptions.connection', held.size, this.#asker.connection)
    return full === undefined ? this.read(channel) : refuseByLimit(full, 'subscriptions_full')
  }

  /** Charges reading what was said or who is there, as a subscription is. */
  read(channel: string): LimitRefusal | undefined {
    return refusalOf(this.#deps.guard.subscribe(this.#limits(), this.#asker, channel))
  }

  /** @param openCount how many there are without the one that is asked for. */
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
    const { loaded, limits } = this.#client.identity
    const now = this.#deps.directory.findById(loaded.app.id) ?? loaded
    return this.#deps.limitBook.for(now, limits)
  }
}

function refusalOf({ refused }: LimitVerdict): LimitRefusal | undefined {
  return refused === undefined ? undefined : refuseByLimit(refused)
}
