/**
 * Webhooks as they are really delivered: committed to the SQLite queue before they are acknowledged,
 * signed, posted to a receiver on the other core, and taken off the queue in commits of their own.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeSender } from '../../packages/server/src/adapters/fetcher-node/webhook-sender.ts'
import { openSqliteStore } from '../../packages/server/src/adapters/store-sqlite/store.ts'
import { systemClock } from '../../packages/server/src/adapters/system/clock.ts'
import { REGIONS } from '../../test/contract/records.ts'
import { openDeliveryWorld, standardEndpoint } from '../../test/support/delivery-world.ts'
import { BODY, IN_FLIGHT, ratesOf, startReceiver } from './posting.ts'
import { print, rateOf, secondsAsked } from './stopwatch.ts'

/** Acknowledged and not yet delivered, at most: the queue must not grow while it is measured. */
const BEHIND_MAX = 512

const folder = mkdtempSync(join(tmpdir(), 'lockgate-bench-'))
const { url, end } = await startReceiver()
const store = await openSqliteStore({ dataDir: folder, regions: REGIONS })
const sender = createNodeSender({ allowedNetworks: ['127.0.0.1'], clock: systemClock })
const endpoints = [standardEndpoint('whe_bench', { url })]
const world = await openDeliveryWorld({ store, sender, clock: systemClock, endpoints })
const delivered = () => world.counts('deliveries_total')['delivered'] ?? 0
let addedCount = 0

async function add(): Promise<void> {
  while (addedCount - delivered() > BEHIND_MAX) await Bun.sleep(1)
  addedCount++
  await world.add('whe_bench', BODY)
}

async function run(seconds: number): Promise<void> {
  await rateOf(seconds, { inFlight: 2 * IN_FLIGHT, call: add })
  while (delivered() < addedCount) await Bun.sleep(1)
}

const rates = await ratesOf(secondsAsked(), run, delivered)
if (world.errors.length > 0 || world.failures().length > 0) throw new Error('a delivery failed')
print({ ...rates })
await world.service.stop(Bun.sleep)
await store.close()
await end()
rmSync(folder, { recursive: true })
