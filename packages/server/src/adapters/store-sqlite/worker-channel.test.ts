import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Outage } from '../../ports/outage.ts'
import { PENDING_COUNT_MAX, WorkerChannel } from './worker-channel.ts'

const PING = { kind: 'rollback', database: 0 } as const

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockgate-worker-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** A channel whose Worker does `body` with each message instead of answering. */
function channelTo(body: string): WorkerChannel {
  const script = join(folder, 'worker.mjs')
  const head = "import { parentPort } from 'node:worker_threads'\n"
  writeFileSync(script, `${head}parentPort.on('message', () => { ${body} })`)
  return new WorkerChannel(new Worker(script), folder)
}

async function outageCode(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.catch((reason: unknown) => reason)
  return error instanceof Outage ? error.code : error
}

test.each([
  ['throws', "throw new Error('died')"],
  ['exits', 'process.exit(3)'],
])('a Worker that %s makes waiting and later requests an outage', async (_, body) => {
  const channel = channelTo(body)
  const waiting = [channel.request(PING), channel.request(PING)].map(outageCode)
  expect(await Promise.all(waiting)).toEqual(['store_unavailable', 'store_unavailable'])
  expect(await outageCode(channel.request(PING))).toBe('store_unavailable')
  await channel.terminate()
})

test('a terminated channel leaves nothing waiting', async () => {
  const channel = channelTo('')
  const waiting = outageCode(channel.request(PING))
  await channel.terminate()
  expect(await waiting).toBe('store_unavailable')
  await channel.terminate()
})

test('requests beyond the bound are refused at once', async () => {
  const channel = channelTo('')
  const waiting = Array.from({ length: PENDING_COUNT_MAX }, () => outageCode(channel.request(PING)))
  expect(await outageCode(channel.request(PING))).toBe('store_unavailable')
  await channel.terminate()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['store_unavailable']))
})
