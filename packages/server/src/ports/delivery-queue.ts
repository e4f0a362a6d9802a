/**
 * The durable queue of webhook deliveries, in the database of their region. At least once: what a
 * node has taken is due again when its lease ends, so a node that dies loses nothing. A part of the
 * store port; contract suite: `test/contract/store-deliveries.ts`.
 */
import type { WebhookDeliveryRecord } from './records/webhook.ts'

/** Rows of one endpoint; the app's id leads the index. */
export interface EndpointPlace {
  readonly appId: string
  readonly endpointId: string
}

export interface NewDelivery extends WebhookDeliveryRecord {
  /** True: whoever adds it delivers it from memory, and `dueAtMs` is the end of its lease. */
  readonly isTaken: boolean
}

/** What became of a delivery that was taken. One that is gone meanwhile is no error. */
export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly id: string }
  | {
      readonly kind: 'retry'
      readonly id: string
      readonly attemptCount: number
      readonly dueAtMs: number
      readonly lastOutcome: string
    }
  /** Put back without having been tried. */
  | { readonly kind: 'released'; readonly id: string; readonly dueAtMs: number }
  | {
      readonly kind: 'dead'
      readonly id: string
      readonly attemptCount: number
      readonly atMs: number
      readonly lastOutcome: string
    }

export interface DeliveryCounts extends EndpointPlace {
  readonly waitingCount: number
  readonly deadCount: number
  /** When the first of those that wait is due; undefined: none waits. */
  readonly nextDueAtMs: number | undefined
  /** When the oldest of those that wait was made. */
  readonly oldestAtMs: number | undefined
}

export interface WantedDeliveries extends EndpointPlace {
  readonly countMax: number
}

export interface TakeOrder {
  readonly nowMs: number
  readonly leaseMs: number
  readonly wanted: readonly WantedDeliveries[]
}

export interface TakenDeliveries {
  readonly deliveries: readonly WebhookDeliveryRecord[]
  /**
   * When the next one of each endpoint is due, or a lease ends, in the order of `wanted`;
   * undefined: none waits.
   */
  readonly nextDueAtMs: readonly (number | undefined)[]
}

export interface FinishBound {
  /** The endpoints that got dead letters. */
  readonly places: readonly EndpointPlace[]
  readonly deadCountMax: number
}

/** Single steps beside transactions: many callers share one commit. */
export interface DeliveryQueue {
  /** Inserts all or none, durably. @throws Conflict `stale_revision` when an id is taken. */
  addDeliveries(deliveries: readonly NewDelivery[]): Promise<void>
  /**
   * Takes what is due: nobody else gets it before `nowMs + leaseMs`, which is the `dueAtMs` of what
   * comes back, by id. Of each endpoint the first that are due, at most as many as are wanted.
   */
  takeDueDeliveries(order: TakeOrder): Promise<TakenDeliveries>
  /**
   * Writes all of them. Of an endpoint the oldest dead letters beyond `deadCountMax` are removed.
   * @returns how many were.
   */
  finishDeliveries(outcomes: readonly DeliveryOutcome[], bound: FinishBound): Promise<number>
  /**
   * Ends every lease; for the only node of a database, at its start. What is due later than
   * `horizonMs` was written by a clock that has been set back since, and is due now too.
   */
  releaseDeliveries(nowMs: number, horizonMs: number): Promise<void>
  /** Of every endpoint that has any, by app and endpoint. */
  countDeliveries(): Promise<readonly DeliveryCounts[]>
}

/** As lists show it: without its body, which may be large. */
export type DeliverySummary = Omit<WebhookDeliveryRecord, 'body'>

export interface DeliveryPage extends EndpointPlace {
  readonly state: WebhookDeliveryRecord['state']
  /** Empty: from the first. */
  readonly afterId: string
  readonly countMax: number
}

/** Inside a transaction, for people: each change has an audit row in the same commit. */
export interface DeliveryRecords {
  findDelivery(id: string): Promise<WebhookDeliveryRecord | undefined>
  /** By id, which is the order in which they were made. */
  listDeliveries(page: DeliveryPage): Promise<readonly DeliverySummary[]>
  /**
   * Dead letters of an endpoint wait again, with the same ids, as if they were made at `dueAtMs`.
   * @param selection one of them, or at most so many from the oldest on.
   * @returns the ids of those that do.
   */
  replayDeliveries(
    place: EndpointPlace,
    selection: DeadSelection & { readonly dueAtMs: number },
  ): Promise<readonly string[]>
  /** Removes dead letters of an endpoint. @returns how many. */
  discardDeliveries(place: EndpointPlace, selection: DeadSelection): Promise<number>
  /**
   * Of one endpoint: dead letters given up before `deadBeforeMs` are removed, and what has waited
   * since before `waitingBeforeMs` is one now.
   */
  sweepDeliveries(place: EndpointPlace, times: DeliverySweep): Promise<void>
}

/** `id` undefined: from the oldest on. */
export interface DeadSelection {
  readonly id: string | undefined
  readonly countMax: number
}

export interface DeliverySweep {
  readonly nowMs: number
  readonly deadBeforeMs: number
  readonly waitingBeforeMs: number
  readonly lastOutcome: string
}
