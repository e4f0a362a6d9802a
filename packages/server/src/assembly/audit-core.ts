/** Puts the audit together: what writes rows, what signs heads, and who keeps that outside. */
import type { LiveEvents } from '../core/live-events.ts'
import { Checkpoints } from '../credentials/audit/checkpoints.ts'
import { denialRecorder, type RecordDenial } from '../credentials/audit/denied-access.ts'
import { Denials } from '../credentials/audit/denials.ts'
import { tellingDenials } from '../credentials/audit/told-denials.ts'
import { AuditTrail } from '../credentials/audit/trail.ts'
import { Witnessing } from '../credentials/audit/witnessing.ts'
import type { InstallationKeys } from '../credentials/installation-keys.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { Witness } from '../ports/witness.ts'

export interface AuditCore {
  readonly audit: AuditTrail
  /** Rows of refused credentials and calls, sampled and counted. */
  readonly denials: Denials
  /** How every door tells them. */
  readonly recordDenial: RecordDenial
  readonly checkpoints: Checkpoints
  readonly witnessings: readonly Witnessing[]
}

export function createAuditCore(ports: {
  readonly store: Store
  readonly keys: InstallationKeys
  readonly clock: Clock
  readonly log: Log
  readonly events: LiveEvents
  readonly witnesses: readonly Witness[]
}): AuditCore {
  const { store, keys, clock, log, events } = ports
  const audit = new AuditTrail({ keys, clock })
  const denials = new Denials({ trail: audit, clock })
  const checkpoints = new Checkpoints({ store, keys, clock, log })
  const record = denialRecorder(
    (denial, code) => denials.deny(denial, code),
    (region) => codeOf(store, region),
  )
  const recordDenial = tellingDenials(record, { events, clock })
  const witnessings = ports.witnesses.map(
    (witness) => new Witnessing({ witness, checkpoints, store, clock }),
  )
  return { audit, denials, recordDenial, checkpoints, witnessings }
}

function codeOf({ regions }: Store, region: string): string {
  const database = regions.get(region)
  if (database === undefined) throw new Error(`there is no region ${region}`)
  return database.code
}

/** Loopback and private networks: RFC 1122 §3.2.1.3, RFC 1918, RFC 6598, RFC 4193. */
export const WITNESS_NETWORKS = [
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  'fc00::/7',
]
