/** Durations as people write them: `1h`, `30m`, `90s`, `7d`, `1h30m`; a bare number is seconds. */

const UNIT_SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1 } as const
/** Our bound: about 31 years, far above every policy and below what a date cannot hold. */
const SECONDS_MAX = 1_000_000_000

/** @returns whole seconds; undefined for what is no duration. */
export function parseDuration(text: string): number | undefined {
  if (/^\d{1,10}$/.test(text)) return bounded(Number(text))
  const match = /^(?:(\d{1,6})d)?(?:(\d{1,8})h)?(?:(\d{1,9})m)?(?:(\d{1,10})s)?$/.exec(text)
  if (match === null || text === '') return undefined
  const [, days, hours, minutes, seconds] = match.map((part) => Number(part ?? 0))
  const { d, h, m, s } = UNIT_SECONDS
  return bounded((days ?? 0) * d + (hours ?? 0) * h + (minutes ?? 0) * m + (seconds ?? 0) * s)
}

/** @returns the same in the largest units: `1d`, `1h30m`, `0s`. */
export function durationText(seconds: number): string {
  let left = seconds
  const parts = Object.entries(UNIT_SECONDS).map(([unit, size]) => {
    const count = Math.floor(left / size)
    left -= count * size
    return count === 0 ? '' : `${count}${unit}`
  })
  return parts.join('') || '0s'
}

function bounded(seconds: number): number | undefined {
  return seconds <= SECONDS_MAX ? seconds : undefined
}
