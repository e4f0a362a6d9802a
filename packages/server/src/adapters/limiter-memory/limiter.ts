/**
 * Sliding-window limits in the memory of one process. Exact up to {@link LOG_COUNT_MAX} per window;
 * above it, a window counts up to a sixtieth longer. Never are more allowed than the policy says.
 *
 * Buckets are bounded, and one that still counts is never dropped, or a flood of invented subjects
 * would wash away what is held against the others. While the table is full, subjects without a
 * bucket share {@link SHARED_BUCKET_COUNT} per policy: they may be refused for what strangers did,
 * but none gets more than its limit, and subjects that have a bucket notice nothing. It is over as
 * soon as buckets have been idle for a window.
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../../ports/clock.ts'
import type { Limiter, LimitPolicy, LimitVerdict } from '../../ports/limiter.ts'
import { type Bucket, Buckets } from './buckets.ts'
import { type Moment, SlotCount, TimeLog } from './counts.ts'

/** Our bounds. */
const BUCKET_COUNT_MAX = 100_000
export const SHARED_BUCKET_COUNT = 64
const FAMILY_COUNT_MAX = 256
const SUBJECT_CHARACTERS_MAX = 200
/** Up to here each time is remembered. */
export const LOG_COUNT_MAX = 1_000
/** Of 8 bytes each. */
const REMEMBERED_MAX = 4_000_000

/** Idle buckets that one call clears away, per policy. */
const SWEEP_MAX = 64

/** The buckets of one policy. */
interface Family {
  readonly windowMs: number
  readonly isExact: boolean
  readonly buckets: Buckets
  /** By the hash of the subject; at most {@link SHARED_BUCKET_COUNT}. */
  readonly shared: Map<number, Bucket>
}

export interface MemoryLimiterOptions {
  readonly clock: Clock
  readonly bucketCountMax?: number
  /** Past this many remembered times, a bucket allows only as many as it has room for. */
  readonly rememberedMax?: number
}

/**
 * A policy whose window changes, or whose maximum crosses {@link LOG_COUNT_MAX}, starts afresh;
 * every other change of the maximum holds at once.
 */
export function openMemoryLimiter(options: MemoryLimiterOptions): Limiter {
  return new MemoryLimiter(options)
}

class MemoryLimiter implements Limiter {
  readonly #clock: Clock
  readonly #bucketCountMax: number
  readonly #rememberedMax: number
  readonly #families = new Map<string, Family>()
  /** Keeps a sender from choosing addresses that share a bucket with a victim's. */
  readonly #seed = randomInt(2 ** 32)
  #bucketCount = 0
  #size = 0
  /** Nothing is idle before; spares the search while the table is full. */
  #fullUntilMs = 0

  constructor(options: MemoryLimiterOptions) {
    this.#clock = options.clock
    this.#bucketCountMax = options.bucketCountMax ?? BUCKET_COUNT_MAX
    this.#rememberedMax = options.rememberedMax ?? REMEMBERED_MAX
  }

  take(policy: LimitPolicy, subject: string): LimitVerdict {
    const exactMs = this.#clock.monotonicMs()
    const moment: Moment = {
      nowMs: Math.floor(exactMs),
      addedAtMs: Math.ceil(exactMs),
      windowMs: Math.max(1, Math.ceil(policy.windowMs)),
      countMax: Math.floor(policy.countMax),
    }
    if (moment.countMax < 1) return refused(moment.windowMs)
    const family = this.#familyOf(policy.name, moment)
    const key = subject.slice(0, SUBJECT_CHARACTERS_MAX)
    const bucket = family.buckets.get(key) ?? this.#admit(family, key, moment)
    const { count } = bucket
    const remaining = count.remaining(moment)
    if (remaining < 1) return refused(count.waitMs(moment))
    if (!count.hasRoom && this.#size >= this.#rememberedMax) {
      return refused(count.waitMs({ ...moment, countMax: count.size }))
    }
    this.#size -= count.size
    count.add(moment)
    this.#size += count.size
    bucket.lastMs = moment.addedAtMs
    family.buckets.touch(key)
    return { isAllowed: true, remaining: remaining - 1, retryAfterMs: 0 }
  }

  /**
   * @returns a bucket for a subject that has none: its own, or a shared one while all are taken.
   */
  #admit(family: Family, key: string, { nowMs }: Moment): Bucket {
    this.#dropIdle(family, nowMs)
    if (this.#bucketCount >= this.#bucketCountMax && nowMs >= this.#fullUntilMs) this.#sweep(nowMs)
    const index = Bun.hash.xxHash32(key, this.#seed) % SHARED_BUCKET_COUNT
    const shared = this.#sharedOf(family, index, nowMs)
    if (this.#bucketCount >= this.#bucketCountMax) {
      const bucket = shared ?? this.#newBucket(family, nowMs)
      family.shared.set(index, bucket)
      return bucket
    }
    // What it may have used up in the shared bucket still counts.
    const bucket = this.#newBucket(family, nowMs, shared)
    family.buckets.add(key, bucket)
    this.#bucketCount++
    this.#fullUntilMs = 0 // the new one may be the first to become idle
    return bucket
  }

  #sharedOf(family: Family, index: number, nowMs: number): Bucket | undefined {
    const bucket = family.shared.get(index)
    if (bucket === undefined || nowMs - bucket.lastMs < family.windowMs) return bucket
    family.shared.delete(index)
    this.#size -= bucket.count.size
    return undefined
  }

  #newBucket({ isExact }: Family, nowMs: number, before?: Bucket): Bucket {
    const count = before?.count.copy() ?? (isExact ? new TimeLog() : new SlotCount())
    this.#size += count.size
    return { count, lastMs: before?.lastMs ?? nowMs }
  }

  #dropIdle({ buckets, windowMs }: Family, nowMs: number): void {
    for (let left = SWEEP_MAX; left > 0; left--) {
      const { oldest } = buckets
      if (oldest === undefined || nowMs - oldest.lastMs < windowMs) return
      buckets.dropOldest()
      this.#bucketCount--
      this.#size -= oldest.count.size
    }
  }

  /** Looks for idle buckets of every policy. */
  #sweep(nowMs: number): void {
    this.#fullUntilMs = Number.POSITIVE_INFINITY
    for (const family of this.#families.values()) {
      this.#dropIdle(family, nowMs)
      const idleAtMs = (family.buckets.oldest?.lastMs ?? Number.POSITIVE_INFINITY) + family.windowMs
      this.#fullUntilMs = Math.min(this.#fullUntilMs, idleAtMs)
    }
  }

  #familyOf(name: string, { windowMs, countMax }: Moment): Family {
    const isExact = countMax <= LOG_COUNT_MAX
    const first = this.#families.get(name)
    if (first?.windowMs === windowMs && first.isExact === isExact) return first
    const fullName = `${name}\n${windowMs}\n${isExact}`
    const second = this.#families.get(fullName)
    if (second !== undefined) return second
    if (this.#families.size >= FAMILY_COUNT_MAX) {
      throw new Error(`more than ${FAMILY_COUNT_MAX} limit policies: their names are constants`)
    }
    const family: Family = { windowMs, isExact, buckets: new Buckets(), shared: new Map() }
    this.#families.set(first === undefined ? name : fullName, family)
    return family
  }
}

function refused(retryAfterMs: number): LimitVerdict {
  return { isAllowed: false, remaining: 0, retryAfterMs }
}
