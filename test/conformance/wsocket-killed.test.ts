/**
 * The server is killed while publishers of both families have hundreds of messages in flight: each
 * one it acknowledged is in history afterwards, once, under the time it was acknowledged with.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { seeded } from '../support/seeded.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA, FamilyB, type ReadMessage } from '../support/wsocket-clients.ts'

const KEY = generateKey('sk', systemRandom).value
const APP = app('killed', { apiKeys: [{ value: KEY }], history: ['** 1d'] })
const KILL_COUNT = 3
/** In flight at once: fewer than a connection may have waiting for their acknowledgement. */
const FLIGHT_COUNT = 400
const CHANNELS = ['room:a', 'room:b'] as const
const FAMILIES = [FamilyA, FamilyB] as const
const PAGE_COUNT = 100

type Client = FamilyA | FamilyB
type Kept = ReadMessage & { readonly sequence: number }

const urlOf = (server: LiveServer) => `${server.http.replace('http', 'ws')}/?key=${KEY}`

/** @returns all of a channel, oldest first, page by page. */
async function historyOf(client: Client, channel: string): Promise<readonly Kept[]> {
  const all: Kept[] = []
  for (let page = 0; ; page++) {
    const seen = client.frames.length
    const after = all.at(-1)?.timestamp ?? 0
    client.send({ action: 'history', channel, limit: PAGE_COUNT, after, direction: 'forward' })
    const frame = await until(`page ${page}`, () =>
      client.frames.slice(seen).find(({ action }) => action === 'history'),
    )
    const { messages, hasMore } = client.pageOf(frame)
    all.push(...(messages as readonly Kept[]))
    if (!hasMore) return all
  }
}

test('killed with messages in flight, it has all that it acknowledged, once and in order', async () => {
  const random = seeded()
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-wsocket-killed-'))
  const start = () => startServer({ apps: [APP], dataDir })
  /** Ids and times, by channel. */
  const acked = new Map<unknown, Map<unknown, unknown>>(CHANNELS.map((name) => [name, new Map()]))
  let sentCount = 0
  let server: LiveServer | undefined
  try {
    server = await start()
    for (let kill = 0; kill < KILL_COUNT; kill++) {
      const publishers = FAMILIES.map((Family) => new Family(urlOf(server as LiveServer)))
      for (const publisher of publishers) await publisher.connect()
      for (let count = 0; count < FLIGHT_COUNT; count++) {
        for (const publisher of publishers) {
          const channel = CHANNELS[random.below(CHANNELS.length)]
          publisher.send({ action: 'publish', channel, id: `m${sentCount++}`, data: { kill } })
        }
      }
      const acksOf = (client: Client) => client.frames.filter(({ action }) => action === 'ack')
      const wanted = 1 + random.below(FLIGHT_COUNT / 2)
      await until('acknowledgements', () =>
        publishers.some((publisher) => acksOf(publisher).length >= wanted),
      )
      await server.killHard()
      await until('the end', () => publishers.every(({ closed }) => closed !== undefined))
      for (const ack of publishers.flatMap(acksOf)) {
        acked.get(ack['channel'])?.set(ack['id'], ack['timestamp'])
      }
      server = await start()
    }
    const reader = new FamilyB(urlOf(server))
    await reader.connect()
    const times: number[] = []
    for (const channel of CHANNELS) {
      const kept = await historyOf(reader, channel)
      const known = new Map(kept.map(({ id, timestamp }) => [id, timestamp]))
      assert.equal(known.size, kept.length, `ids come once, seed ${random.seed}`)
      for (const [id, timestamp] of acked.get(channel) ?? []) {
        assert.equal(known.get(String(id)), timestamp, `${String(id)}, seed ${random.seed}`)
      }
      const rising = kept.map((_message, index) => index + 1)
      assert.deepEqual(
        kept.map(({ sequence }) => sequence),
        rising,
        `seed ${random.seed}`,
      )
      times.push(...kept.map(({ timestamp }) => timestamp))
      const next = `next of ${channel}`
      await reader.publish(channel, next, {})
      const last = (await historyOf(reader, channel)).at(-1)
      assert.deepEqual([last?.id, last?.sequence], [next, rising.length + 1])
      assert.ok(Number(last?.timestamp) > Math.max(...times))
    }
    assert.equal(new Set(times).size, times.length, 'no time is given twice in an app')
    const ackedCount = [...acked.values()].reduce((total, { size }) => total + size, 0)
    assert.ok(ackedCount > KILL_COUNT)
    await reader.disconnect()
  } finally {
    await server?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
