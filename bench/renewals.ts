/**
 * 1,000 renewals in place under load, with every message at QoS 1 accounted for: prints what was
 * sent, lost and repeated, and ends with 1 where anything was. Usage: bun bench/renewals.ts
 */
import { mintingApp } from '../test/support/client-world.ts'
import { renewUnderLoad } from '../test/support/renewal-run.ts'
import { startServer } from '../test/support/server.ts'

/** As many of each as the limit on refreshes of one token lets through without a wait. */
const RUN = { clientCount: 50, renewalsEach: 20 }

const server = await startServer({ apps: [mintingApp('renewals')] })
const figures = await renewUnderLoad(server, RUN)
await server.stop()
console.log(JSON.stringify(figures))
const { lostCount, duplicateCount, disorderedCount, reconnectCount } = figures
const hasFailed = lostCount + duplicateCount + disorderedCount + reconnectCount > 0
process.exitCode = hasFailed ? 1 : 0
