/**
 * The processes of the bench. Every one is ended by its id: at the end of its run, on a failure and
 * on Ctrl-C, so none outlives the bench.
 */
import { existsSync } from 'node:fs'
import { SERVER_CORE, canPin, childPids } from './machine.ts'

/** Our bounds: to say its port, and to end after SIGTERM. */
const START_MS_MAX = 10_000
const STOP_MS_MAX = 5_000
const POLL_MS = 5
/** How much of a child's standard error is kept for the explanation of a failure. */
const STDERR_BYTES_MAX = 16_384

export type Child = Bun.Subprocess<'ignore', 'pipe', 'pipe'>

/** Started and not yet seen to end. */
const living = new Set<number>()

/** Starts a command that runs alone on the server's core and may open as many files as allowed. */
export function startOnServerCore(command: readonly string[], cwd: string): Child {
  const raise = ['sh', '-c', 'ulimit -n "$(ulimit -Hn)"; exec "$@"', 'sh']
  const pin = canPin() ? ['taskset', '-c', String(SERVER_CORE)] : []
  return start([...raise, ...pin, ...command], cwd)
}

/** Starts a command with no LOCKGATE_ variable, so that the bench measures what it configured. */
export function start(command: readonly string[], cwd: string): Child {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('LOCKGATE_')),
  )
  const child = Bun.spawn([...command], {
    cwd,
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  living.add(child.pid)
  void child.exited.then(() => living.delete(child.pid))
  return child
}

/** SIGTERM, then SIGKILL when that is not obeyed in time; what the child started ends with it. */
export async function stop(child: Child): Promise<void> {
  const descendants = childPids(child.pid)
  child.kill('SIGTERM')
  await waitUntil(() => child.exitCode !== null || child.signalCode !== null, STOP_MS_MAX)
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await child.exited
  for (const pid of descendants) if (isRunning(pid)) signal(pid, 'SIGKILL')
}

/** For the end of the bench itself, where nothing can be awaited. */
export function killAll(): void {
  for (const pid of [...living].flatMap((one) => [one, ...childPids(one)])) signal(pid, 'SIGKILL')
  living.clear()
}

/** @returns whether the condition held within the time. */
export async function waitUntil(condition: () => boolean, msMax: number): Promise<boolean> {
  const deadline = performance.now() + msMax
  while (!condition()) {
    if (performance.now() > deadline) return false
    await Bun.sleep(POLL_MS)
  }
  return true
}

/** The port of a reference server, from its line `port N`. */
export async function readPort(child: Child, name: string): Promise<number> {
  const reader = child.stdout.getReader()
  const late = Bun.sleep(START_MS_MAX).then(() => undefined)
  let text = ''
  while (!text.includes('\n')) {
    const chunk = await Promise.race([reader.read(), late])
    if (chunk === undefined || chunk.done) {
      throw new Error(`${name} did not start: ${await readStandardError(child)}`)
    }
    text += new TextDecoder().decode(chunk.value)
  }
  reader.releaseLock()
  return Number(/port (\d+)/.exec(text)?.[1])
}

/** Ends the child and returns the last of what it complained about. */
export async function readStandardError(child: Child): Promise<string> {
  await stop(child)
  const text = await new Response(child.stderr).text()
  return text.slice(-STDERR_BYTES_MAX).trim() || 'it said nothing'
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (cause) {
    // It ended between the look and the signal, which is what was wanted.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
}
