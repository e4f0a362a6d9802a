/** What a wSocket client is charged for, in one decision each. */
import type { Asker } from '../../core/limits/charge-writing.ts'
import { type LimitRefusal, refuseByLimit } from '../../core/limits/limit-refusal.ts'
import type { LimitVerdict } from '../../ports/limit-engine.ts'
import { ClientLimits } from '../client-limits.ts'

export class WSocketLimits extends ClientLimits {
  /** Who is nobody is a user of his own on each connection; a user id holds no such name. */
  readonly #charged: Asker = { ...this.asker, user: this.asker.user ?? this.asker.connection }

  /** Charges a message, or a change of presence, which goes to as many. */
  publish(channel: string, data: string): LimitRefusal | undefined {
    return refusalOf(this.guard.topicPublish(this.current(), this.#charged, { channel, data }))
  }

  /** @param held what it is subscribed to. */
  subscribe(channel: string, held: ReadonlySet<string>): LimitRefusal | undefined {
    const full = held.has(channel)
      ? undefined
      : this.full('subscriptions.connection', held.size, this.asker.connection)
    return full === undefined ? this.read(channel) : refuseByLimit(full, 'subscriptions_full')
  }

  /** Charges reading what was said or who is there, as a subscription is. */
  read(channel: string): LimitRefusal | undefined {
    return refusalOf(this.guard.subscribe(this.current(), this.#charged, channel))
  }
}

function refusalOf({ refused }: LimitVerdict): LimitRefusal | undefined {
  return refused === undefined ? undefined : refuseByLimit(refused)
}
