/** The limits of one MQTT client: asked before anything is done, in one decision. */
import { concurrentRefusal } from '../../core/limits/effective-limits.ts'
import { type AppLimits, ownSubject } from '../../core/limits/charges.ts'
import type { Asker } from '../../core/limits/charge-writing.ts'
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
import type { MqttIdentity } from '../../credentials/mqtt/mqtt-identity.ts'

export interface MqttLimitsDeps {
  readonly guard: Guard
  readonly limitBook: AppLimitBook
  readonly directory: AppDirectory
}

export class MqttLimits {
  readonly #deps: MqttLimitsDeps
  readonly #asker: Asker
  readonly #identity: MqttIdentity

  constructor(
    client: { readonly id: string; readonly identity: MqttIdentity; readonly source: Source },
    deps: MqttLimitsDeps,
  ) {
    this.#deps = deps
    this.#identity = client.identity
    const { loaded, userId } = client.identity
    const user = userId === undefined ? undefined : ownSubject(loaded.app.id, userId)
    const connection = ownSubject(loaded.app.id, `#${client.id}`)
    this.#asker = { user, connection, source: client.source }
  }

  /** @param counts how many are open without this one; of the user, where there is one. */
  connect(counts: { readonly app: number; readonly user: number }): LimitRefusal | undefined {
    const { app } = this.#identity.loaded
    const full = this.#full('connections.app', counts.app, app.id)
    if (full !== undefined) return refuseByLimit(full, 'connections_full')
    const { user } = this.#asker
    if (user === undefined) return undefined
    const usersFull = this.#full('connections.user', counts.user, user)
    return usersFull && refuseByLimit(usersFull, 'user_connections_full')
  }

  /** Whether a message may go out; charges it. */
  mayPublish(topic: string, payload: Uint8Array): boolean {
    const charged = { channel: topic, data: payload }
    return this.#deps.guard.topicPublish(this.#limits(), this.#asker, charged).isAllowed
  }

  /**
   * Whether one more filter may be held.
   * @param heldCount without it; undefined: it replaces one that is.
   */
  maySubscribe(filter: string, heldCount: number | undefined): boolean {
    const subject = this.#asker.connection ?? ''
    if (heldCount !== undefined && this.#full('subscriptions.connection', heldCount, subject)) {
      return false
    }
    return this.#deps.guard.subscribe(this.#limits(), this.#asker, filter).isAllowed
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
