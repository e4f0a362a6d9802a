/**
 * The subscribers of one shared subscription (§4.8.2): a share name and a filter. Each message
 * goes to one of them. State only.
 */
import type { Keyed } from './compact-map.ts'
import type { Receiver, Subscription } from './subscription.ts'

/**
 * Ours: members looked at for one that is ready. In a group where as many are not, the message
 * waits at one of these although a later one may be ready.
 */
export const MEMBER_LOOK_COUNT_MAX = 1_000

export class ShareGroup implements Keyed<string> {
  /** The share name. */
  readonly key: string
  /** Who is first has had to wait longest for a message. */
  readonly #members = new Map<Receiver, Subscription>()

  constructor(name: string) {
    this.key = name
  }

  get size(): number {
    return this.#members.size
  }

  find(receiver: Receiver): Subscription | undefined {
    return this.#members.get(receiver)
  }

  add(subscription: Subscription): void {
    this.#members.set(subscription.key, subscription)
  }

  remove(receiver: Receiver): void {
    this.#members.delete(receiver)
  }

  /**
   * @returns who gets the next message: in turn, of those who are ready; where none is, the next
   * one at all, at whom it waits. Undefined in an empty group.
   */
  choose(): Subscription | undefined {
    let lookedAt = 0
    for (const member of this.#members.values()) {
      if (member.key.subscriber.isReady) {
        this.#moveBack(lookedAt + 1)
        return member
      }
      if (++lookedAt === MEMBER_LOOK_COUNT_MAX) break
    }
    const [waiting] = this.#members.values()
    this.#moveBack(1)
    return waiting
  }

  /** The first ones become the last ones, in their order: the next look begins behind them. */
  #moveBack(count: number): void {
    let left = count
    for (const [receiver, member] of this.#members) {
      if (left-- === 0) return
      this.#members.delete(receiver)
      this.#members.set(receiver, member)
    }
  }
}
