/** What people do with webhook deliveries, inside a transaction of a region's database. */
import type {
  DeadSelection,
  DeliveryPage,
  DeliveryRecords,
  DeliverySummary,
  DeliverySweep,
  EndpointPlace,
} from '../../ports/delivery-queue.ts'
import type { WebhookDeliveryRecord } from '../../ports/records/webhook.ts'
import {
  deliveryOf,
  discardDeliveries,
  findDelivery,
  listDeliveries,
  replayDeliveries,
  summaryOf,
  sweepDeliveries,
} from './delivery-queries.ts'
import { SharedTransaction } from './shared-transaction.ts'

export class DeliveryTransaction extends SharedTransaction implements DeliveryRecords {
  findDelivery(id: string): Promise<WebhookDeliveryRecord | undefined> {
    return this.calls.run(async () => {
      const [row] = await this.calls.read(findDelivery(id))
      return row && deliveryOf(row)
    })
  }

  listDeliveries(page: DeliveryPage): Promise<readonly DeliverySummary[]> {
    return this.calls.run(async () => {
      return (await this.calls.read(listDeliveries(page))).map(summaryOf)
    })
  }

  replayDeliveries(
    place: EndpointPlace,
    selection: DeadSelection & { readonly dueAtMs: number },
  ): Promise<readonly string[]> {
    return this.calls.run(async () => {
      const rows = await this.calls.read(replayDeliveries(place, selection))
      return rows.map(({ id }) => id).sort()
    })
  }

  discardDeliveries(place: EndpointPlace, selection: DeadSelection): Promise<number> {
    return this.calls.run(async () => {
      const [changeCount = 0] = await this.calls.change([discardDeliveries(place, selection)])
      return changeCount
    })
  }

  sweepDeliveries(place: EndpointPlace, sweep: DeliverySweep): Promise<void> {
    return this.calls.run(async () => {
      await this.calls.change(sweepDeliveries(place, sweep))
    })
  }
}
