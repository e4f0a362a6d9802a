/** What the data plane of documents is given. */
import type { Health, HealthState } from '../../core/load/health-state.ts'
import type { Guard } from '../../core/limits/guard.ts'
import type { RecordDenial } from '../../credentials/audit/denied-access.ts'
import type { Bearers } from '../../credentials/bearers.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import type { RequestSource } from '../request-source.ts'
import type { RequestTarget } from '../target.ts'
import type { FailureDeps } from '../failures.ts'

/** Where a document is, or where it would be. */
export interface DocumentPlace {
  readonly region: string
  /** With the document at its end; undefined: nobody knows where that region is, or none lives. */
  readonly url: string | undefined
  /** Nobody has it open: it is nowhere yet. */
  readonly isNew: boolean
}

/** Of one app, on all nodes. */
export interface DocumentUse {
  readonly connectionCount: number
  readonly documentCount: number
}

export interface DocumentPlaces {
  /**
   * @param name `[A-Za-z0-9_-]{1,255}`
   * @param at where it was asked.
   * @throws Outage
   */
  locate(
    app: Pick<AppRecord, 'id' | 'tenantId'>,
    name: string,
    at: { readonly host: string; readonly isTls: boolean },
  ): Promise<DocumentPlace>
  /** @throws Outage */
  usage(app: Pick<AppRecord, 'id' | 'tenantId'>): DocumentUse | Promise<DocumentUse>
}

/** How much this node has to do. */
export interface NodeLoad {
  /** `overloaded`: it takes no new connection for now. */
  state(): { readonly status: Health }
  /** When to come back, spread so that not all do at one moment. */
  retryAfterSeconds(): number
}

export interface DataPlaneDeps extends FailureDeps {
  readonly bearers: Pick<Bearers, 'authenticate'>
  readonly documents: DocumentPlaces
  readonly load: NodeLoad
  readonly health: Pick<HealthState, 'read'>
  readonly guard: Pick<Guard, 'charge' | 'authenticate'>
  readonly recordDenial: RecordDenial
  readonly clock: Clock
}

/** One request to the data plane. */
export interface DataCall {
  readonly request: Request
  readonly target: RequestTarget
  readonly source: () => RequestSource
  readonly deps: DataPlaneDeps
}
