/**
 * Tells subscribers how many they are, for apps that ask for it (contract 1B.5). Small channels at
 * once; above {@link COUNT_AT_ONCE_MAX} at most every {@link COUNT_INTERVAL_MS}.
 */
import type { Clock } from '../ports/clock.ts'
import type { AppSpace } from './app-space.ts'
import type { Channel } from './channel.ts'

/** Pusher's rule. */
export const COUNT_AT_ONCE_MAX = 100
export const COUNT_INTERVAL_MS = 5_000

export class SubscriptionCounts {
  /** Channels whose count changed and was not told yet; each is here once. */
  readonly #due = new Map<Channel, AppSpace>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  changed(space: AppSpace, channel: Channel): void {
    const { kind } = channel.address
    if (!space.app.settings.subscriptionCount || kind === 'presence' || kind === 'user') return
    const nowMs = this.#clock.nowMs()
    const isSmall = channel.subscribers.size <= COUNT_AT_ONCE_MAX
    if (isSmall || nowMs - channel.countToldAtMs >= COUNT_INTERVAL_MS) tell(channel, nowMs)
    else this.#due.set(channel, space)
  }

  /** Tells the counts that became due. */
  tick(): void {
    const nowMs = this.#clock.nowMs()
    for (const [channel, space] of this.#due) {
      const isAlive = space.channels.get(channel.address.name) === channel
      if (isAlive && nowMs - channel.countToldAtMs < COUNT_INTERVAL_MS) continue
      this.#due.delete(channel)
      if (isAlive) tell(channel, nowMs)
    }
  }
}

function tell(channel: Channel, nowMs: number): void {
  channel.countToldAtMs = nowMs
  const { address, subscribers } = channel
  subscribers.tell((encoder) => encoder.subscriptionCount(address.name, subscribers.size))
}
