/**
 * What was used here and the other nodes have not been told yet: one entry for each name, window
 * and subject. Bounded; while the bus takes nothing, what finds no place is lost and counted.
 */
import type { LimitCharge, LimitReading } from '../../ports/limit-engine.ts'
import { type LimitUse, SUBJECT_UNITS_MAX, USES_PER_MESSAGE_MAX } from './limit-messages.ts'
import { LIMIT_QUOTA_MAX } from './limit-text.ts'

/** Our bound. */
export const PENDING_COUNT_MAX = 5_000

interface Pending {
  readonly rule: LimitUse['rule']
  readonly subject: string
  cost: number
}

export class PendingUses {
  readonly #uses = new Map<string, Pending>()
  #lostCount = 0

  get size(): number {
    return this.#uses.size
  }

  get isFull(): boolean {
    return this.#uses.size >= PENDING_COUNT_MAX
  }

  get lostCount(): number {
    return this.#lostCount
  }

  /**
   * @param charges that were taken.
   * @param shadowed of these rules nothing was charged.
   */
  add(charges: readonly LimitCharge[], shadowed: readonly LimitReading[]): void {
    for (const charge of charges) {
      const { rule, subject, cost } = charge
      // One in shadow beside one that is enforced counts the same use.
      if (rule.isShadow && (isShadowed(charge, shadowed) || hasEnforced(charge, charges))) continue
      const key = keyOf(rule.name, rule.windowMs, subject)
      const known = this.#uses.get(key)
      if (known !== undefined) known.cost = Math.min(LIMIT_QUOTA_MAX, known.cost + cost)
      else if (this.isFull) this.#lostCount++
      else this.#uses.set(key, { rule, subject: subject.slice(0, SUBJECT_UNITS_MAX), cost })
    }
  }

  forget(name: string, subject: string): void {
    for (const [key, use] of this.#uses) {
      if (use.rule.name === name && use.subject === subject) this.#uses.delete(key)
    }
  }

  /** @returns the oldest, as many as one message holds. */
  next(): readonly LimitUse[] {
    const uses: LimitUse[] = []
    for (const use of this.#uses.values()) {
      if (uses.length === USES_PER_MESSAGE_MAX) break
      uses.push(use)
    }
    return uses
  }

  /** @param told as {@link PendingUses.next} gave them, with nothing added since. */
  drop(told: readonly LimitUse[]): void {
    for (const { rule, subject } of told) {
      this.#uses.delete(keyOf(rule.name, rule.windowMs, subject))
    }
  }
}

function keyOf(name: string, windowMs: number, subject: string): string {
  return `${name} ${windowMs} ${subject.slice(0, SUBJECT_UNITS_MAX)}`
}

function isShadowed({ rule, subject }: LimitCharge, shadowed: readonly LimitReading[]): boolean {
  return shadowed.some((reading) => reading.rule === rule && reading.subject === subject)
}

function hasEnforced({ rule, subject }: LimitCharge, charges: readonly LimitCharge[]): boolean {
  return charges.some(
    (other) =>
      !other.rule.isShadow &&
      other.subject === subject &&
      other.rule.name === rule.name &&
      other.rule.windowMs === rule.windowMs,
  )
}
