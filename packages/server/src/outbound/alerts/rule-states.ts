/**
 * What one rule has counted of whom, and whether that is an alert: raised once, resolved once it
 * has been below the threshold for a whole window. By the monotonic clock, so that a jump of the
 * time of day raises and resolves nothing.
 */
import {
  type AlertRule,
  type AlertSubject,
  INSTALLATION_SUBJECT,
  subjectKey,
} from './alert-rule.ts'
import { SlidingCount } from './sliding-count.ts'

/** Our bound on those that are counted apart; over it they count for the installation. */
export const SUBJECT_COUNT_MAX = 10_000

export interface Transition {
  readonly kind: 'raised' | 'resolved'
  readonly rule: AlertRule
  readonly subject: AlertSubject
  /** When it was raised; once it is resolved, the most there were at a time. */
  readonly count: number
}

interface State {
  readonly subject: AlertSubject
  readonly count: SlidingCount
  /** Of what is looked at and not counted. */
  level: number
  isRaised: boolean
  peak: number
  lastHighMs: number
}

export interface Level {
  readonly subject: AlertSubject
  readonly level: number
}

export class RuleStates {
  readonly rule: AlertRule
  readonly #states = new Map<string, State>()
  readonly #tell: (transition: Transition) => void

  constructor(rule: AlertRule, tell: (transition: Transition) => void) {
    this.rule = rule
    this.#tell = tell
  }

  get size(): number {
    return this.#states.size
  }

  get raisedCount(): number {
    let count = 0
    for (const { isRaised } of this.#states.values()) if (isRaised) count++
    return count
  }

  add(subject: AlertSubject, nowMs: number, count: number): void {
    const state = this.#stateOf(subject, nowMs)
    state.count.add(nowMs, count)
    this.#look(state, nowMs)
  }

  /** How many there are now; whoever is absent has none. Nothing waits for a quiet window here. */
  replaceLevels(levels: ReadonlyMap<string, Level>, nowMs: number): void {
    for (const [key, state] of this.#states) state.level = levels.get(key)?.level ?? 0
    for (const { subject, level } of levels.values()) this.#stateOf(subject, nowMs).level = level
    for (const state of this.#states.values()) {
      this.#look(state, nowMs)
      if (state.isRaised && state.level < this.rule.threshold) this.#resolve(state)
    }
    this.#forgetIdle(nowMs)
  }

  /** Called about once a second. */
  tick(nowMs: number): void {
    const { threshold, windowMs } = this.rule
    for (const state of this.#states.values()) {
      if (!state.isRaised || state.level >= threshold) continue
      if (state.count.totalAt(nowMs) >= threshold) state.lastHighMs = nowMs
      else if (nowMs - state.lastHighMs >= windowMs) this.#resolve(state)
    }
    this.#forgetIdle(nowMs)
  }

  #look(state: State, nowMs: number): void {
    const { threshold } = this.rule
    const now = Math.max(state.level, state.count.totalAt(nowMs))
    if (now < threshold) return
    state.lastHighMs = nowMs
    state.peak = Math.max(state.peak, now)
    if (state.isRaised) return
    state.isRaised = true
    state.peak = now
    this.#tell({ kind: 'raised', rule: this.rule, subject: state.subject, count: now })
  }

  #resolve(state: State): void {
    state.isRaised = false
    const { subject, peak: count } = state
    this.#tell({ kind: 'resolved', rule: this.rule, subject, count })
  }

  #stateOf(subject: AlertSubject, nowMs: number): State {
    const own = this.rule.per === 'app' ? subject : INSTALLATION_SUBJECT
    const known = this.#states.get(subjectKey(own))
    if (known !== undefined) return known
    if (this.#states.size >= SUBJECT_COUNT_MAX) this.#forgetIdle(nowMs)
    const isFull = this.#states.size >= SUBJECT_COUNT_MAX
    const counted = isFull ? INSTALLATION_SUBJECT : own
    const shared = this.#states.get(subjectKey(counted))
    if (shared !== undefined) return shared
    const state = {
      subject: counted,
      count: new SlidingCount(this.rule.windowMs),
      level: 0,
      isRaised: false,
      peak: 0,
      lastHighMs: 0,
    }
    this.#states.set(subjectKey(counted), state)
    return state
  }

  #forgetIdle(nowMs: number): void {
    for (const [key, { isRaised, level, count }] of this.#states) {
      if (!isRaised && level === 0 && count.totalAt(nowMs) === 0) this.#states.delete(key)
    }
  }
}
