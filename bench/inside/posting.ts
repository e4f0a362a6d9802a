/** What both scripts that post share: a receiver on the other core, and how rates are taken. */
import { join } from 'node:path'
import { canPin, LOAD_CORE } from '../machine.ts'

/** About what a webhook of one event is long. */
export const BODY = JSON.stringify({
  type: 'client_event',
  timestamp: '2026-11-27T12:00:00.000Z',
  data: { channel: 'private-room-17', event: 'client-message', data: 'x'.repeat(200) },
})
/** Posts at a time. */
export const IN_FLIGHT = 32

export interface Receiver {
  readonly url: string
  readonly end: () => Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const pin = canPin() ? ['taskset', '-c', String(LOAD_CORE)] : []
  const command = [...pin, process.execPath, join(import.meta.dir, 'receiver.ts')]
  const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' })
  for await (const chunk of child.stdout) {
    const port = /^port (\d+)/.exec(new TextDecoder().decode(chunk))?.[1]
    if (port === undefined) continue
    const end = async () => {
      child.kill()
      await child.exited
    }
    return { url: `http://127.0.0.1:${port}/hooks`, end }
  }
  throw new Error('the receiver did not start')
}

export interface Rates {
  readonly cpuUs: number
  readonly coreRate: number
  readonly wallRate: number
}

/**
 * @param run lasts so many seconds.
 * @param count how many were done until now.
 */
export async function ratesOf(
  seconds: number,
  run: (seconds: number) => Promise<void>,
  count: () => number,
): Promise<Rates> {
  await run(seconds / 3)
  const before = { count: count(), ms: performance.now(), cpu: process.cpuUsage() }
  await run(seconds)
  const done = count() - before.count
  const { user, system } = process.cpuUsage(before.cpu)
  const cpuUs = (user + system) / done
  return {
    cpuUs,
    coreRate: 1e6 / cpuUs,
    wallRate: (done * 1_000) / (performance.now() - before.ms),
  }
}
