/**
 * What the figures depend on: the machine, the versions, which core runs what. Linux only (/proc).
 */
import { existsSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

/** The core of the server under test, and that of everything else. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1
/** USER_HZ: the unit of /proc times on every Linux Bun runs on. */
const TICKS_PER_SECOND = 100

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly bun: string
  readonly node: string
}

export function describeMachine(): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
    node: Bun.spawnSync([nodePath(), '--version']).stdout.toString().trim().replace(/^v/, ''),
  }
}

/** The machine's Node, which carries the `ws` reference and launches Lockgate. */
export function nodePath(): string {
  const path = Bun.which('node')
  if (path === null) throw new Error('The bench needs `node` in the PATH.')
  return path
}

/** Whether server and generator can have a core each. */
export function canPin(): boolean {
  return cpus().length >= 2 && Bun.which('taskset') !== null
}

/** The hard limit of open files, which the children raise their own limit to. */
export function openFilesMax(): number {
  const line = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
  return Number(line?.[1] ?? 1024)
}

/** Whether this process, and by that its children, runs before all ordinary ones. */
export function isRealTime(): boolean {
  const text = readFileSync('/proc/self/stat', 'utf8')
  // proc(5): `policy` is field 41, two of which stand before the last bracket; 1 and 2 are real time.
  const policy = text.slice(text.lastIndexOf(')') + 2).split(' ')[38]
  return policy === '1' || policy === '2'
}

/** What starts a command as an ordinary process, whatever this one is. */
export function asOrdinary(): readonly string[] {
  return isRealTime() ? ['chrt', '--other', '0'] : []
}

/** Makes a process that runs an ordinary one, with its threads. */
export function makeOrdinary(pid: number): void {
  if (isRealTime()) Bun.spawnSync(['chrt', '--all-tasks', '--other', '--pid', '0', String(pid)])
}

/** Moves this process, and by that its children, away from the server's core. */
export function leaveServerCore(): void {
  Bun.spawnSync(['taskset', '-acp', String(LOAD_CORE), String(process.pid)])
}

/** CPU seconds of a process, its threads and the children it waited for; 0 when it is gone. */
export function processCpuSeconds(pid: number): number {
  const path = `/proc/${pid}/stat`
  if (!existsSync(path)) return 0
  const text = readFileSync(path, 'utf8')
  // proc(5): the name in brackets may hold anything; utime to cstime are fields 14 to 17.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return ticks / TICKS_PER_SECOND
}

/** Seconds the server's core was busy since boot with anything, stolen time included. */
export function coreBusySeconds(): number {
  const line = new RegExp(`^cpu${SERVER_CORE} (.+)$`, 'm').exec(readFileSync('/proc/stat', 'utf8'))
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = (line?.[1] ?? '')
    .trim()
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softIrq + steal) / TICKS_PER_SECOND
}

/** The children of a process, by its threads; empty when it is gone. */
export function childPids(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}
