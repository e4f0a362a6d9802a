/** Puts the data plane of documents together. */
import type { Config } from '../config/config.ts'
import { DocumentRegions } from '../core/documents/regions.ts'
import type { Hub } from '../core/hub.ts'
import { HealthState } from '../core/load/health-state.ts'
import type { LoadMonitor } from '../core/load/load-monitor.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'

export interface DataPlanePorts {
  readonly hub: Pick<Hub, 'find'>
  readonly store: Pick<Store, 'ping'>
  readonly load: LoadMonitor
  readonly clock: Clock
}

export function openDataPlane(config: Config, { hub, store, load, clock }: DataPlanePorts) {
  const [first] = config.regions
  const pins = { find: () => Promise.resolve(undefined) }
  const regions = new DocumentRegions(first?.code ?? '', [], { pins })
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
