/**
 * Decides how much of something may be done in a sliding window. Deciding is synchronous and in
 * memory; what several nodes count is shared afterwards. Contract suite:
 * `test/contract/limit-engine.ts`.
 */

/** What a limit does while the counts of other nodes cannot be had. */
export type LimitOutagePolicy =
  /** Lets everything through. */
  | 'open'
  /** Refuses everything. */
  | 'closed'
  /** Goes on with what this node counted. */
  | 'local'

export interface LimitRule {
  /** Of the table in `core/limits/`; rules of one name and window share their counts. */
  readonly name: string
  /** At most this much; 0 allows nothing. */
  readonly quota: number
  /** ... in any window of this length. */
  readonly windowMs: number
  /** True: nothing is refused, what would have been is told. */
  readonly isShadow: boolean
  readonly onOutage: LimitOutagePolicy
}

export interface LimitCharge {
  readonly rule: LimitRule
  /** An address or id; at most 400 characters, never a secret. */
  readonly subject: string
  /** Whole, at least 1: requests, or bytes. */
  readonly cost: number
}

export interface LimitReading {
  readonly rule: LimitRule
  readonly subject: string
  readonly used: number
  readonly remaining: number
  /**
   * When a refused charge can succeed; of an allowed one, when everything is free again. The window
   * where it never can.
   */
  readonly resetMs: number
}

export interface LimitVerdict {
  readonly isAllowed: boolean
  /** Of the rules that refuse, the one that takes longest to reset. */
  readonly refused: LimitReading | undefined
  /** Rules that this call took to 80 % of their quota; again after less than 60 % were used. */
  readonly warned: readonly LimitReading[]
  /** Shadow rules that would have refused. */
  readonly shadowed: readonly LimitReading[]
}

/** Our bound: an event to a hundred channels, each with ten rules. */
export const LIMIT_CHARGE_COUNT_MAX = 1_024

export interface LimitEngine {
  /**
   * Takes all charges or none: where one rule refuses, nothing is charged to any. An answer with
   * nothing to tell is one shared object. Charges of one name, window and subject add up; a rule in
   * shadow beside one that is enforced counts the same use. A rule in shadow that would refuse
   * charges nothing by itself.
   * @param charges at most {@link LIMIT_CHARGE_COUNT_MAX}; kept by the caller, may be used again
   * with other subjects and costs.
   */
  take(charges: readonly LimitCharge[]): LimitVerdict
  /** Reads without spending. */
  read(rule: LimitRule, subject: string): LimitReading
  /** Forgets what a subject has used, in every window of a rule's name. */
  reset(name: string, subject: string): void
}

/** What is used elsewhere, for an engine whose counts are shared. */
export interface LimitCounts {
  /**
   * Counts a use that was allowed elsewhere: never refuses, and may take a subject past its quota.
   * The quota of its rule says only how exactly it is counted.
   */
  absorb(charge: LimitCharge): void
}
