/**
 * What is told of limits that were hit: a count by name, a live event, a row of the audit. A flood
 * is told live once a second, not once for each refusal.
 */
import type { Clock } from '../../ports/clock.ts'
import type { LimitReading, LimitVerdict } from '../../ports/limit-engine.ts'
import type { LiveEvents } from '../live-events.ts'
import type { Source } from '../source.ts'
import type { LimitOwner } from './charges.ts'
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

/** Our bound on limits and subjects that are told of in one second; the rest is counted only. */
export const TOLD_COUNT_MAX = 1_000
const SECOND_MS = 1_000

export class LimitTelling {
  readonly #ports: TellingPorts
  /** Limits and subjects that were told of in this second. */
  readonly #told = new Set<string>()
  #toldSecond = 0

  constructor(ports: TellingPorts) {
    this.#ports = ports
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
    const atMs = clock.nowMs()
    const { name, quota, windowMs, isShadow } = reading.rule
    if (!this.#isFirst(`${type} ${name} ${windowMs} ${reading.subject}`, atMs)) return
    const { used, resetMs } = reading
    const subject = withoutApp(reading.subject, owner)
    const details = { limit: name, scope: scopeOf(reading), subject, used, quota, windowMs }
    events.tell({
      type,
      atMs,
      tenantId: owner?.tenantId,
      appId: owner?.appId,
      details: { ...details, resetMs, isShadow },
    })
  }

  #isFirst(key: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / SECOND_MS)
    if (second !== this.#toldSecond) {
      this.#told.clear()
      this.#toldSecond = second
    }
    if (this.#told.has(key) || this.#told.size >= TOLD_COUNT_MAX) return false
    this.#told.add(key)
    return true
  }
}

function withoutApp(subject: string, owner: ViolationOwner | undefined): string {
  const prefix = `${owner?.appId ?? ''}:`
  return owner?.appId !== undefined && subject.startsWith(prefix)
    ? subject.slice(prefix.length)
    : subject
}
