/**
 * Figures of work inside one process: runs a script of `inside/` alone on the server's core and
 * reads its one line of JSON.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, readStandardError, startOnServerCore } from './children.ts'
import { canPin, coreBusySeconds } from './machine.ts'
import type { Reading, Settings } from './measure.ts'
import { ROOT } from './toolchain.ts'

export type InsideScript =
  | 'es256'
  | 'sqlite-commit'
  | 'credential-check'
  | 'audit'
  | 'limit-decision'
  | 'limit-accuracy'
  | 'limit-memory'
  | 'map-count'
  | 'mqtt-codec'
  | 'mqtt-packet'
  | 'rule-decision'
  | 'rule-naive'
  | 'topic-match'
  | 'topic-list'
  | 'session-store'
  | 'sqlite-messages'
  | 'history-append'
  | 'history-page'
  | 'webhooks'
  | 'post'

const WAITING: ReadonlySet<InsideScript> = new Set([
  'sqlite-commit',
  'audit',
  'session-store',
  'sqlite-messages',
  'history-append',
  'history-page',
  'webhooks',
  'post',
])
/** Counts, and says nothing of time: others on the core change nothing. */
const COUNTING: ReadonlySet<InsideScript> = new Set(['limit-accuracy', 'limit-memory'])
/** Changes made one after the other while fsyncs are counted. */
const COUNTED_CHANGE_COUNT = 200

/** @throws Error with what the script said when it failed: a refused credential has no figure. */
export async function measureInside(script: InsideScript, settings: Settings): Promise<Reading> {
  const before = { ms: performance.now(), busy: coreBusySeconds() }
  const child = startOnServerCore(commandOf(script, [settings.seconds]), ROOT)
  const values = await readValues(child, script)
  // Who waits for the disk leaves the core to others meanwhile, which is no contention.
  if (WAITING.has(script) || COUNTING.has(script)) return { values }
  const seconds = (performance.now() - before.ms) / 1000
  const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6
  const foreign = coreBusySeconds() - before.busy - cpuSeconds
  return { values, ...(canPin() ? { contention: foreign / seconds } : {}) }
}

/**
 * How often a change of a credential waits for the disk, as the kernel sees it. What a start and an
 * end cost is taken off by a run with one change.
 * @returns undefined where there is no strace.
 */
export async function countFsyncs(folder: string): Promise<number | undefined> {
  if (Bun.which('strace') === null) return undefined
  const few = await fsyncsOf(1, folder)
  const many = await fsyncsOf(1 + COUNTED_CHANGE_COUNT, folder)
  return (many - few) / COUNTED_CHANGE_COUNT
}

async function fsyncsOf(changeCount: number, folder: string): Promise<number> {
  const trace = join(folder, 'fsyncs')
  const strace = ['strace', '-f', '-c', '-e', 'trace=fsync,fdatasync', '-o', trace]
  const child = startOnServerCore([...strace, ...commandOf('audit', [1, changeCount])], ROOT)
  await readValues(child, 'audit')
  // Columns of `strace -c`: share, seconds, microseconds a call, calls.
  const rows = readFileSync(trace, 'utf8').matchAll(/^ *[\d.]+ +[\d.]+ +\d+ +(\d+) .*sync$/gm)
  return [...rows].reduce((sum, [, count]) => sum + Number(count), 0)
}

function commandOf(script: InsideScript, words: readonly number[]): string[] {
  const path = join(import.meta.dir, 'inside', `${script}.ts`)
  return [process.execPath, path, ...words.map(String)]
}

async function readValues(child: Child, script: string): Promise<Record<string, number>> {
  const [output, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited])
  if (exitCode !== 0) throw new Error(`${script} failed: ${await readStandardError(child)}`)
  return JSON.parse(output) as Record<string, number>
}
