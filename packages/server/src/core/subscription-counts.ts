/**
 * Tells how many subscribers channels have: subscribers, in apps that ask for it (contract 1B.5),
 * and those who watch the app (1H.1). Small channels at once; large ones at most every
 * {@link COUNT_INTERVAL_MS}.
 */
import type { Clock } from '../ports/clock.ts'
import type { AppSpace } from './app-space.ts'
import type { Channel } from './channel.ts'
import type { HubEvents } from './hub-events.ts'

/** Pusher's rule for subscribers: above it, at intervals. */
export const COUNT_AT_ONCE_MAX = 100
/** Pusher's rule for webhooks is one less: at a hundred it is at intervals. */
const COUNT_EVENT_AT_ONCE_MAX = COUNT_AT_ONCE_MAX - 1
export const COUNT_INTERVAL_MS = 5_000

export class SubscriptionCounts {
  readonly #frames: PacedCounts
  readonly #events: PacedCounts
  readonly #hubEvents: HubEvents

  constructor(clock: Clock, hubEvents: HubEvents) {
    this.#hubEvents = hubEvents
    this.#frames = new PacedCounts(clock, {
      atOnceMax: COUNT_AT_ONCE_MAX,
      lastToldAt: 'countToldAtMs',
      tell: (_space, { address, subscribers }) =>
        subscribers.tell((encoder) => encoder.subscriptionCount(address.name, subscribers.size)),
    })
    this.#events = new PacedCounts(clock, {
      atOnceMax: COUNT_EVENT_AT_ONCE_MAX,
      lastToldAt: 'countEventAtMs',
      tell: (space, channel) => hubEvents.counted(space, channel),
    })
  }

  changed(space: AppSpace, channel: Channel): void {
    const { kind } = channel.address
    if (kind === 'presence' || kind === 'user') return
    if (space.app.settings.subscriptionCount && channel.subscribers.size > 0) {
      this.#frames.changed(space, channel)
    }
    if (this.#hubEvents.wantsCounts(space)) this.#events.changed(space, channel)
  }

  /** Tells the counts that became due. */
  tick(): void {
    this.#frames.tick()
    this.#events.tick()
  }
}

interface Pace {
  /** Up to this many subscribers each change is told at once. */
  readonly atOnceMax: number
  /** Where the channel keeps when it was told. */
  readonly lastToldAt: 'countToldAtMs' | 'countEventAtMs'
  readonly tell: (space: AppSpace, channel: Channel) => void
}

class PacedCounts {
  /** Channels whose count changed and was not told yet; each is here once. */
  readonly #due = new Map<Channel, AppSpace>()
  readonly #clock: Clock
  readonly #pace: Pace

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock
    this.#pace = pace
  }

  changed(space: AppSpace, channel: Channel): void {
    const { atOnceMax, lastToldAt } = this.#pace
    const nowMs = this.#clock.nowMs()
    const isSmall = channel.subscribers.size <= atOnceMax
    if (isSmall || nowMs - channel[lastToldAt] >= COUNT_INTERVAL_MS) this.#tell(space, channel)
    else this.#due.set(channel, space)
  }

  tick(): void {
    const nowMs = this.#clock.nowMs()
    for (const [channel, space] of this.#due) {
      const isAlive = space.channels.get(channel.address.name) === channel
      if (isAlive && nowMs - channel[this.#pace.lastToldAt] < COUNT_INTERVAL_MS) continue
      this.#due.delete(channel)
      if (isAlive) this.#tell(space, channel)
    }
  }

  #tell(space: AppSpace, channel: Channel): void {
    channel[this.#pace.lastToldAt] = this.#clock.nowMs()
    this.#pace.tell(space, channel)
  }
}
