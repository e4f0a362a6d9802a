/** How long messages of channels are kept, as settings say it: `logs:** 1h`, `tmp:* off`. Pure. */

export interface Retention {
  /** As in permissions: `*` is some of one segment, `**` at the end the rest. */
  readonly pattern: string
  /** 0: not kept at all. */
  readonly keepMs: number
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
/** Ours: ten years. */
const KEEP_MS_MAX = 3_650 * 86_400_000
/** Pattern of at most 200 characters, one space, then the time; the bounds are ours. */
const ENTRY = /^([!-~]{1,200}) (?:(off)|([1-9]\d{0,9})([smhd]))$/

/** @returns undefined for a text that says nothing of the kind. */
export function parseRetention(text: string): Retention | undefined {
  const [, pattern, off, count, unit] = ENTRY.exec(text) ?? []
  if (pattern === undefined) return undefined
  if (off !== undefined) return { pattern, keepMs: 0 }
  const keepMs = Number(count) * (UNIT_MS[unit ?? ''] ?? 0)
  return keepMs > 0 && keepMs <= KEEP_MS_MAX ? { pattern, keepMs } : undefined
}
