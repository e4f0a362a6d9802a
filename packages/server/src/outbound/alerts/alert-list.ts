/** Alerts that last, and the latest that are over. What a restart forgets is counted anew. */
import { type AlertRule, type AlertSubject, subjectKey } from './alert-rule.ts'
import type { Transition } from './rule-states.ts'

/** Our bound on those that are over. */
export const RESOLVED_COUNT_MAX = 200

export interface Alert {
  /** From 1, of this start. */
  readonly number: number
  readonly rule: AlertRule
  readonly subject: AlertSubject
  readonly raisedAtMs: number
  /** Undefined while it lasts. */
  readonly resolvedAtMs: number | undefined
  /** When it was raised; of one that is over, the most there were at a time. */
  readonly count: number
}

export class AlertList {
  readonly #active = new Map<string, Alert>()
  #resolved: Alert[] = []
  #lastNumber = 0

  take({ kind, rule, subject, count }: Transition, nowMs: number): void {
    const key = `${rule.name}:${subjectKey(subject)}`
    if (kind === 'raised') {
      const number = ++this.#lastNumber
      const alert = { number, rule, subject, raisedAtMs: nowMs, resolvedAtMs: undefined, count }
      this.#active.set(key, alert)
      return
    }
    const alert = this.#active.get(key)
    if (alert === undefined) return
    this.#active.delete(key)
    this.#resolved.push({ ...alert, resolvedAtMs: nowMs, count })
    if (this.#resolved.length > RESOLVED_COUNT_MAX) this.#resolved.shift()
  }

  active(): readonly Alert[] {
    return [...this.#active.values()]
  }

  resolved(): readonly Alert[] {
    return this.#resolved
  }
}
