/** Puts the data plane of documents together. */
import { HealthState } from '../core/load/health-state.ts'
import type { LoadMonitor } from '../core/load/load-monitor.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { DocumentParts } from './documents.ts'

export interface DataPlanePorts {
  readonly documents: Pick<DocumentParts, 'plane'>
  readonly store: Pick<Store, 'ping'>
  readonly load: LoadMonitor
  readonly clock: Clock
}

export function openDataPlane({ documents, store, load, clock }: DataPlanePorts) {
  return {
    load,
    health: new HealthState({ load, pingStore: () => store.ping(), clock }),
    documents: documents.plane,
  }
}
