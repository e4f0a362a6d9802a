/**
 * When a client is told to refresh: late enough that a lost answer is no loss, early enough that
 * four tries fit in, and always to come, as SDKs that are told a past time refresh without end
 * (contract CloudSignal 2.2). Pure.
 */

/** A browser timer of more than 2^31-1 ms fires at once: 24.8 days. */
const AHEAD_MS_MAX = 24 * 86_400_000
const AHEAD_MS_MIN = 5_000
const LEAD_MS_MIN = 60_000
/** Shorter lives are refreshed at their half. */
const SHORT_LIFE_MS = 120_000
/** A refresh after the end would be none. */
const BEFORE_END_MS = 1_000

/** @returns epoch ms, after `nowMs` wherever anything is left, and before `expiresAtMs`. */
export function refreshAtMs(expiresAtMs: number, nowMs: number): number {
  const leftMs = expiresAtMs - nowMs
  const leadMs = Math.max(LEAD_MS_MIN, leftMs / 10)
  const floorMs = leftMs < SHORT_LIFE_MS ? leftMs / 2 : Math.max(AHEAD_MS_MIN, leftMs / 10)
  const wanted = Math.max(nowMs + floorMs, expiresAtMs - leadMs)
  const latest = Math.max(nowMs + leftMs / 2, expiresAtMs - BEFORE_END_MS)
  return Math.round(Math.min(wanted, latest, nowMs + AHEAD_MS_MAX))
}
