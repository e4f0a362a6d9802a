/** When a server wants to be asked again. RFC 9110 §10.2.3. Pure. */

/** Our bound on what a server may ask for. */
export const RETRY_AFTER_MS_MAX = 10 * 60_000

/**
 * @param text of the header: seconds, or a date.
 * @returns undefined where there is none that can be read.
 */
export function readRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined
  const waitMs = /^\d{1,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MS_MAX)
}
