/** The machine this process runs on. Limits of control groups are read once, at the start. */
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import type { Machine } from '../../ports/machine.ts'
import { controlGroupLimits } from './control-group.ts'

/** How finely the lag of the event loop is seen: by how late a timer is, which is cheap. */
const LAG_TIMER_MS = 100

export function openMachine(): Machine {
  const group = controlGroupLimits(readText)
  const memoryBytesMax = Math.min(totalmem(), group.memoryBytes ?? Number.POSITIVE_INFINITY)
  const cpuCount = Math.min(availableParallelism(), group.cpuCount ?? Number.POSITIVE_INFINITY)
  let dueAtMs = performance.now() + LAG_TIMER_MS
  let lagMs = 0
  const look = () => {
    lagMs = Math.max(lagMs, performance.now() - dueAtMs)
  }
  const timer = setInterval(() => {
    look()
    dueAtMs = performance.now() + LAG_TIMER_MS
  }, LAG_TIMER_MS)
  timer.unref()
  return {
    read() {
      // The timer may not have had its turn yet.
      look()
      const loopLagMs = lagMs
      lagMs = 0
      return {
        memoryBytes: process.memoryUsage.rss(),
        memoryBytesMax,
        loopCpuMs: milliseconds(process.threadCpuUsage()),
        processCpuMs: milliseconds(process.cpuUsage()),
        cpuCount,
        loopLagMs,
      }
    },
    close: () => clearInterval(timer),
  }
}

function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // Not this kind of control group, or not Linux.
  }
}
