/**
 * What is told of limits that were hit: a count by name, a live event, a row of the audit. A flood
 * is told live once a second, with its count.
 */
import type { Clock } from '../../ports/clock.ts'
import type { LimitReading, LimitVerdict } from '../../ports/limit-engine.ts'
import type { LiveEvents } from '../live-events.ts'
import type { Source } from '../source.ts'
import type { LimitOwner } from './charges.ts'
import { LimitNews } from './limit-news.ts'
import { scopeOf } from './limit-refusal.ts'
import { countOne, type LimitTally } from './limit-tally.ts'

/** In whose audit it is: an app's, a tenant's, or the installation's. */
export interface ViolationOwner extends Partial<Omit<LimitOwner, 'tenantId'>> {
  readonly tenantId: string | undefined
}

/** Who was recognized, where somebody was. */
interface Recognized {
  readonly actor?: { readonly kind: 'app' | 'operator'; readonly id: string }
  readonly requestId?: string
}

/** What was refused, for the audit. */
export interface Violation extends Recognized {
  readonly reading: LimitReading
  /** Undefined: the installation. */
  readonly owner: ViolationOwner | undefined
  readonly source: Source
}

export interface TellingPorts {
  readonly clock: Clock
  readonly events: LiveEvents
  readonly tally: LimitTally
  /** Sampled, so it is called for each. */
  readonly record: (violation: Violation) => void
}

/** Whose limit it is, and who hit it. */
export interface About extends Recognized {
  readonly owner: ViolationOwner | undefined
  /** Read only if something was refused. */
  readonly source: () => Source
}

export class LimitTelling {
  readonly #ports: TellingPorts
  readonly #news: LimitNews

  constructor(ports: TellingPorts) {
    this.#ports = ports
    this.#news = new LimitNews(ports.events)
  }

  /** @returns the same verdict; most have nothing to tell, and cost two comparisons. */
  tell(verdict: LimitVerdict, about: About): LimitVerdict {
    const { refused, shadowed, warned } = verdict
    if (refused !== undefined) this.exceeded(refused, about)
    for (const reading of shadowed) this.exceeded(reading, about)
    for (const reading of warned) {
      countOne(this.#ports.tally.warned, reading.rule.name)
      this.#announce('rate_limit.warned', reading, about.owner)
    }
    return verdict
  }

  /** What shadow mode let through is no denial: it is not in the audit. */
  exceeded(reading: LimitReading, { source, ...about }: About): void {
    const { tally, record } = this.#ports
    const { name, isShadow } = reading.rule
    countOne(isShadow ? tally.shadowed : tally.exceeded, name)
    if (!isShadow) record({ ...about, reading, source: source() })
    this.#announce('rate_limit.exceeded', reading, about.owner)
  }

  #announce(
    type: 'rate_limit.exceeded' | 'rate_limit.warned',
    reading: LimitReading,
    owner: ViolationOwner | undefined,
  ): void {
    const { events, clock } = this.#ports
    if (!events.isWanted(type, owner?.appId)) return
    const { name, quota, windowMs, isShadow } = reading.rule
    const { used, resetMs } = reading
    const subject = withoutApp(reading.subject, owner)
    const details = { limit: name, scope: scopeOf(reading), subject, used, quota, windowMs }
    const event = {
      type,
      atMs: clock.nowMs(),
      tenantId: owner?.tenantId,
      appId: owner?.appId,
      details: { ...details, resetMs, count: 1, isShadow },
    }
    this.#news.take(event, clock.monotonicMs())
  }

  /** Tells what was counted meanwhile. Called about once a second. */
  tick(): void {
    this.#news.tick(this.#ports.clock.monotonicMs())
  }

  /** At the end: tells all that was counted. */
  finish(): void {
    this.#news.finish(this.#ports.clock.monotonicMs())
  }
}

function withoutApp(subject: string, owner: ViolationOwner | undefined): string {
  const prefix = `${owner?.appId ?? ''}:`
  return owner?.appId !== undefined && subject.startsWith(prefix)
    ? subject.slice(prefix.length)
    : subject
}
