/** Webhook deliveries over maps. */
import type {
  DeadSelection,
  DeliveryCounts,
  DeliveryOutcome,
  DeliveryPage,
  DeliveryRecords,
  DeliverySummary,
  DeliverySweep,
  EndpointPlace,
  FinishBound,
  NewDelivery,
  TakenDeliveries,
  TakeOrder,
} from '../../ports/delivery-queue.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import { Conflict } from '../../ports/store.ts'
import { keyOf, type RegionRecords } from './records.ts'
import { SharedTransaction } from './shared-transaction.ts'

export class DeliveryTransaction
  extends SharedTransaction<RegionRecords>
  implements DeliveryRecords
{
  findDelivery(id: string): Promise<WebhookDeliveryRecord | undefined> {
    return this.run(() => {
      const found = this.records.deliveries.get(id)
      return found && recordOf(found)
    })
  }

  listDeliveries(page: DeliveryPage): Promise<readonly DeliverySummary[]> {
    return this.run(() =>
      this.#of(page, page.state)
        .filter(({ id }) => id > page.afterId)
        .slice(0, page.countMax)
        .map((each) => summaryOf(recordOf(each))),
    )
  }

  replayDeliveries(
    place: EndpointPlace,
    selection: DeadSelection & { readonly dueAtMs: number },
  ): Promise<readonly string[]> {
    return this.run(() => {
      const { dueAtMs } = selection
      const chosen = this.#dead(place, selection)
      for (const each of chosen) {
        const again = { state: 'waiting', attemptCount: 0, isTaken: false } as const
        const times = { dueAtMs, createdAtMs: dueAtMs }
        this.records.deliveries.set(each.id, { ...each, ...again, ...times })
      }
      return chosen.map(({ id }) => id)
    })
  }

  discardDeliveries(place: EndpointPlace, selection: DeadSelection): Promise<number> {
    return this.run(() => {
      const chosen = this.#dead(place, selection)
      for (const { id } of chosen) this.records.deliveries.delete(id)
      return chosen.length
    })
  }

  sweepDeliveries(place: EndpointPlace, sweep: DeliverySweep): Promise<void> {
    return this.run(() => {
      for (const { id, dueAtMs } of this.#of(place, 'dead')) {
        if (dueAtMs < sweep.deadBeforeMs) this.records.deliveries.delete(id)
      }
      for (const each of this.#of(place, 'waiting')) {
        if (each.createdAtMs >= sweep.waitingBeforeMs) continue
        const { lastOutcome, nowMs: dueAtMs } = sweep
        const dead = { state: 'dead', isTaken: false, lastOutcome, dueAtMs } as const
        this.records.deliveries.set(each.id, { ...each, ...dead })
      }
    })
  }

  /** Beside the port: the single steps of the database. */
  addDeliveries(deliveries: readonly NewDelivery[]): Promise<void> {
    return this.run(() => {
      for (const each of deliveries) {
        if (this.records.deliveries.has(each.id)) throw new Conflict('stale_revision')
        this.records.deliveries.set(each.id, structuredClone(each))
      }
    })
  }

  takeDueDeliveries(order: TakeOrder): Promise<TakenDeliveries> {
    return this.run(() => {
      const { nowMs } = order
      const taken = order.wanted.flatMap((wanted) =>
        this.#of(wanted, 'waiting')
          .filter(({ dueAtMs }) => dueAtMs <= nowMs)
          .sort((a, b) => a.dueAtMs - b.dueAtMs || (a.id < b.id ? -1 : 1))
          .slice(0, wanted.countMax),
      )
      const after = taken.map((each) => {
        return { ...each, isTaken: true, dueAtMs: nowMs + order.leaseMs }
      })
      for (const each of after) this.records.deliveries.set(each.id, each)
      const deliveries = after.sort((a, b) => (a.id < b.id ? -1 : 1)).map(recordOf)
      const nextDueAtMs = order.wanted.map((wanted) => {
        const times = this.#of(wanted, 'waiting').map(({ dueAtMs }) => dueAtMs)
        return times.length === 0 ? undefined : Math.min(...times)
      })
      return { deliveries, nextDueAtMs }
    })
  }

  finishDeliveries(outcomes: readonly DeliveryOutcome[], bound: FinishBound): Promise<number> {
    return this.run(() => {
      for (const outcome of outcomes) this.#finish(outcome)
      const beyond = bound.places.flatMap((place) => {
        const dead = this.#of(place, 'dead')
        return dead.slice(0, Math.max(0, dead.length - bound.deadCountMax))
      })
      for (const { id } of beyond) this.records.deliveries.delete(id)
      return beyond.length
    })
  }

  releaseDeliveries(nowMs: number, horizonMs: number): Promise<void> {
    return this.run(() => {
      for (const each of this.records.deliveries.values()) {
        const isLost = each.state === 'waiting' && each.dueAtMs > horizonMs
        if (!each.isTaken && !isLost) continue
        this.records.deliveries.set(each.id, { ...each, isTaken: false, dueAtMs: nowMs })
      }
    })
  }

  countDeliveries(): Promise<readonly DeliveryCounts[]> {
    return this.run(() => {
      const counts = new Map<string, DeliveryCounts>()
      for (const each of this.records.deliveries.values()) {
        const key = keyOf(each.appId, each.endpointId)
        counts.set(key, counted(counts.get(key), each))
      }
      return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count)
    })
  }

  #finish(outcome: DeliveryOutcome): void {
    if (outcome.kind === 'delivered') this.records.deliveries.delete(outcome.id)
    const before = this.records.deliveries.get(outcome.id)
    if (before?.state !== 'waiting') return
    switch (outcome.kind) {
      case 'delivered':
        return
      case 'released': {
        const { dueAtMs } = outcome
        this.records.deliveries.set(before.id, { ...before, isTaken: false, dueAtMs })
        return
      }
      case 'retry': {
        const { attemptCount, dueAtMs, lastOutcome } = outcome
        const after = { attemptCount, dueAtMs, lastOutcome, isTaken: false }
        this.records.deliveries.set(before.id, { ...before, ...after })
        return
      }
      case 'dead': {
        const { attemptCount, atMs: dueAtMs, lastOutcome } = outcome
        const after = { attemptCount, dueAtMs, lastOutcome, state: 'dead', isTaken: false } as const
        this.records.deliveries.set(before.id, { ...before, ...after })
        return
      }
      default:
        outcome satisfies never
    }
  }

  #of(place: EndpointPlace, state: WebhookDeliveryRecord['state']): NewDelivery[] {
    return [...this.records.deliveries.values()]
      .filter(
        (each) =>
          each.appId === place.appId &&
          each.endpointId === place.endpointId &&
          each.state === state,
      )
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  #dead(place: EndpointPlace, { id, countMax }: DeadSelection): NewDelivery[] {
    const dead = this.#of(place, 'dead')
    return dead.filter((each) => id === undefined || each.id === id).slice(0, countMax)
  }
}

function recordOf({ isTaken: _isTaken, ...record }: NewDelivery): WebhookDeliveryRecord {
  return structuredClone(record)
}

function summaryOf({ body: _body, ...summary }: WebhookDeliveryRecord): DeliverySummary {
  return summary
}

function counted(before: DeliveryCounts | undefined, each: NewDelivery): DeliveryCounts {
  const { appId, endpointId } = each
  const start = { waitingCount: 0, deadCount: 0, nextDueAtMs: undefined, oldestAtMs: undefined }
  const counts = before ?? { appId, endpointId, ...start }
  if (each.state === 'dead') return { ...counts, deadCount: counts.deadCount + 1 }
  return {
    ...counts,
    waitingCount: counts.waitingCount + 1,
    nextDueAtMs: Math.min(counts.nextDueAtMs ?? each.dueAtMs, each.dueAtMs),
    oldestAtMs: Math.min(counts.oldestAtMs ?? each.createdAtMs, each.createdAtMs),
  }
}
