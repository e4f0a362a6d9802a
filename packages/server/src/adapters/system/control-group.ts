/**
 * What the control groups of Linux allow this process (cgroups(7), versions 1 and 2): the smallest
 * of its group and of those above, as far as they can be seen. Elsewhere: nothing is limited.
 */

export interface ControlGroupLimits {
  /** Undefined: no limit. */
  readonly memoryBytes: number | undefined
  readonly cpuCount: number | undefined
}

/** @returns the text of a file, or undefined where there is none to be read. */
type ReadText = (path: string) => string | undefined

const ROOT = '/sys/fs/cgroup'
/** Version 1 says "no limit" with a number near 2^63. */
const UNLIMITED_BYTES = 2 ** 60

export function controlGroupLimits(read: ReadText): ControlGroupLimits {
  const memory: number[] = []
  const cpus: number[] = []
  for (const { controllers, path } of groupsOf(read('/proc/self/cgroup') ?? '')) {
    for (const group of upwards(path)) {
      if (controllers.length === 0) {
        memory.push(numberOf(read(`${ROOT}${group}/memory.max`)))
        const [quota, period] = (read(`${ROOT}${group}/cpu.max`) ?? '').split(' ')
        cpus.push(numberOf(quota) / numberOf(period))
      }
      if (controllers.includes('memory')) {
        memory.push(numberOf(read(`${ROOT}/memory${group}/memory.limit_in_bytes`)))
      }
      if (controllers.includes('cpu')) {
        const base = `${ROOT}/${controllers.join()}${group}`
        const period = numberOf(read(`${base}/cpu.cfs_period_us`))
        cpus.push(numberOf(read(`${base}/cpu.cfs_quota_us`)) / period)
      }
    }
  }
  return {
    memoryBytes: smallest(memory.filter((bytes) => bytes < UNLIMITED_BYTES)),
    cpuCount: smallest(cpus),
  }
}

/** @param text lines of `0::/path` (version 2) and `4:cpu,cpuacct:/path` (version 1). */
function groupsOf(text: string): { readonly controllers: readonly string[]; path: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, names, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (names === undefined || path === undefined) return []
    return [{ controllers: names === '' ? [] : names.split(','), path }]
  })
}

/** @returns `/a/b`, `/a` and `` for `/a/b`: inside a container only the last one may be there. */
function upwards(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '')
  return Array.from(
    { length: names.length + 1 },
    (_none, index) => `/${names.slice(0, names.length - index).join('/')}`,
  ).map((group) => (group === '/' ? '' : group))
}

/** @returns NaN for `max`, `-1` and what is missing: no limit. */
function numberOf(text: string | undefined): number {
  const value = Number.parseInt(text ?? '', 10)
  return value > 0 ? value : Number.NaN
}

function smallest(values: readonly number[]): number | undefined {
  const limits = values.filter((value) => !Number.isNaN(value))
  return limits.length === 0 ? undefined : Math.min(...limits)
}
