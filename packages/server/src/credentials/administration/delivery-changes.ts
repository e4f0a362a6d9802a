/**
 * What people do with deliveries of webhooks: look at them, have dead letters posted again, remove
 * them. Each change and its audit row are one commit.
 */
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { DeliverySummary, EndpointPlace } from '../../ports/delivery-queue.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import type { RegionTransaction } from '../../ports/store.ts'
import type { EndpointEntry } from '../app-directory.ts'
import type { AuditAction } from '../audit/actions.ts'
import { changeEntry } from './change-entry.ts'
import type { AdministrationDeps, Caller } from './context.ts'

/** Our bound on what one call changes; an endpoint has no more dead letters. */
const CHANGED_COUNT_MAX = 1_000

/** The queue as far as a replay concerns it. */
export interface ReplayTarget {
  /** Whether as many wait for an endpoint as may. */
  isFull(endpointId: string): boolean
  /** Told once it is durable; counts what waits for everybody. */
  follow(): Promise<void>
}

export interface OfDeliveries {
  readonly endpointId: string
  /** Undefined: all dead letters of the endpoint. */
  readonly deliveryId?: string | undefined
  readonly reason?: string | undefined
}

type Refused<T> = Promise<Result<T, AdminRefusalCode>>

export class DeliveryChanges {
  readonly #deps: Pick<AdministrationDeps, 'authority' | 'audit' | 'clock'>
  readonly #target: ReplayTarget

  constructor(
    deps: Pick<AdministrationDeps, 'authority' | 'audit' | 'clock'>,
    target: ReplayTarget,
  ) {
    this.#deps = deps
    this.#target = target
  }

  /** By id, which is the order in which they were made. */
  async list(page: {
    readonly endpointId: string
    readonly state: WebhookDeliveryRecord['state']
    /** Empty: from the first. */
    readonly afterId: string
    readonly countMax: number
  }): Refused<readonly DeliverySummary[]> {
    const entry = this.#deps.authority.apps.findEndpoint(page.endpointId)
    if (entry === undefined) return refuse('not_found')
    const asked = { ...page, ...placeOf(entry) }
    return ok(await this.#regionOf(entry).transaction((each) => each.listDeliveries(asked)))
  }

  async find({ endpointId, deliveryId }: Required<Omit<OfDeliveries, 'reason'>>) {
    const entry = this.#deps.authority.apps.findEndpoint(endpointId)
    if (entry === undefined) return undefined
    const id = deliveryId ?? ''
    const found = await this.#regionOf(entry).transaction((each) => each.findDelivery(id))
    return found?.endpointId === endpointId ? found : undefined
  }

  /** @returns how many are posted again. */
  async replay(request: OfDeliveries, caller: Caller): Refused<number> {
    if (this.#target.isFull(request.endpointId)) return refuse('count_full')
    const dueAtMs = this.#deps.clock.nowMs()
    const replayed = await this.#change(request, caller, {
      action: 'webhook.replayed',
      run: async (transaction, place) => {
        const selection = { ...selectionOf(request), dueAtMs }
        return (await transaction.replayDeliveries(place, selection)).length
      },
    })
    if (replayed.ok && replayed.value > 0) await this.#target.follow()
    return replayed
  }

  /** @returns how many are gone. */
  async discard(request: OfDeliveries, caller: Caller): Refused<number> {
    const discarded = await this.#change(request, caller, {
      action: 'webhook.discarded',
      run: (transaction, place) => transaction.discardDeliveries(place, selectionOf(request)),
    })
    if (discarded.ok && discarded.value > 0) await this.#target.follow()
    return discarded
  }

  async #change(
    { endpointId, deliveryId, reason }: OfDeliveries,
    caller: Caller,
    step: {
      readonly action: AuditAction
      readonly run: (transaction: RegionTransaction, place: EndpointPlace) => Promise<number>
    },
  ): Refused<number> {
    const entry = this.#deps.authority.apps.findEndpoint(endpointId)
    if (entry === undefined) return refuse('not_found')
    const { id, name, tenantId } = entry.endpoint
    const { action, run } = step
    const region = this.#regionOf(entry)
    const count = await region.transaction(async (transaction) => {
      const changedCount = await run(transaction, placeOf(entry))
      if (changedCount === 0) return 0
      const target = { kind: 'webhook', id, name }
      const after = { count: changedCount, ...(deliveryId === undefined ? {} : { deliveryId }) }
      await this.#deps.audit.record(
        { code: region.code, transaction },
        changeEntry(caller, { tenantId, action, target, reason, after }),
      )
      return changedCount
    })
    // Of all there may be none; one that was named is a dead letter or is not there.
    return count === 0 && deliveryId !== undefined ? refuse('not_found') : ok(count)
  }

  #regionOf({ loaded }: EndpointEntry) {
    return this.#deps.authority.regionOf(loaded.app)
  }
}

function placeOf({ endpoint }: EndpointEntry): EndpointPlace {
  return { appId: endpoint.appId, endpointId: endpoint.id }
}

function selectionOf({ deliveryId: id }: OfDeliveries) {
  return { id, countMax: CHANGED_COUNT_MAX }
}
