/** Puts the data plane of documents together. */
import type { Config } from '../config/config.ts'
import { DocumentRegions } from '../core/documents/regions.ts'
import type { Hub } from '../core/hub.ts'
import { HealthState } from '../core/load/health-state.ts'
import type { Tally } from '../core/tally.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { Store } from '../ports/store.ts'

export interface DataPlanePorts {
  readonly hub: Pick<Hub, 'find'>
  readonly store: Pick<Store, 'ping'>
  readonly random: Random
  readonly clock: Clock
  readonly tally: Tally
}

/** From this share of the connections it may have on, a node takes no new ones. */
const OVERLOADED_PERCENT = 80
/** Contract WireSocket 8: clients that were sent away come back in 30 to 40 seconds. */
const RETRY_SECONDS_MIN = 30
const RETRY_SECONDS_SPREAD = 11

export function openDataPlane(config: Config, ports: DataPlanePorts) {
  const { hub, store, clock, tally, random } = ports
  const [first] = config.regions
  const pins = { find: () => Promise.resolve(undefined) }
  const regions = new DocumentRegions(first?.code ?? '', [], { pins })
  const countMax = (config.limits.connectionCountMax * OVERLOADED_PERCENT) / 100
  const statusNow = () => (tally.connectionsOpen < countMax ? 'healthy' : 'overloaded')
  const load = {
    state: () => ({ status: statusNow() }) as const,
    retryAfterSeconds: () => RETRY_SECONDS_MIN + (random.uint32() % RETRY_SECONDS_SPREAD),
  }
  return {
    load,
    health: new HealthState({ load, pingStore: () => store.ping(), clock }),
    documents: {
      locate: regions.locate.bind(regions),
      usage: ({ id }: { readonly id: string }) => ({
        connectionCount: hub.find(id)?.connections.size ?? 0,
        documentCount: 0,
      }),
    },
  }
}
