/** The delivery of webhooks over the credential core, and what drives it. */
import type { LiveEvents } from '../core/live-events.ts'
import type { UpkeepTask } from '../core/upkeep.ts'
import type { WebhookChanges } from '../credentials/administration/webhook-changes.ts'
import type { WebhookHealth } from '../credentials/administration/webhook-health.ts'
import type { AskRetry } from '../outbound/webhooks/attempt.ts'
import { DeliveryService } from '../outbound/webhooks/delivery-service.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { WebhookSender } from '../ports/webhook-sender.ts'
import type { CredentialCore } from './credential-core.ts'

const SECOND_MS = 1_000
/** How often counts are brought in line with the databases, and what is too old ends. */
const KEEP_MS = 15_000

export interface WebhookDeliveryParts {
  readonly store: Store
  readonly sender: WebhookSender
  readonly events: LiveEvents
  readonly log: Log
  readonly webhookChanges: Pick<WebhookChanges, 'giveUp'>
  readonly webhookHealth: Pick<WebhookHealth, 'note'>
  readonly askRetry: AskRetry
  /** Waits so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>
}

export interface WebhookDelivery {
  readonly service: DeliveryService
  /** At the end after whatever makes bodies, and before checkpoints. */
  readonly tasks: readonly UpkeepTask[]
}

/** @returns it started: what an earlier life of this node has left is taken up. */
export async function openWebhookDelivery(
  { administration, authority }: CredentialCore,
  parts: WebhookDeliveryParts,
): Promise<WebhookDelivery> {
  const { clock, random } = administration
  const { store, webhookChanges, webhookHealth, pause, ...rest } = parts
  const service = new DeliveryService({
    ...rest,
    clock,
    random,
    regions: store.regions,
    apps: authority.apps,
    endpoints: {
      note: (endpoint, isDelivered) => webhookHealth.note(endpoint, isDelivered),
      giveUp: (endpointId, because) => webhookChanges.giveUp(endpointId, because),
    },
  })
  await service.start()
  const tasks = [
    {
      name: 'webhooks',
      everyMs: SECOND_MS,
      run: async () => service.tick(),
      finish: () => service.stop(pause),
    },
    // What is left is counted at the next start.
    { name: 'webhook_queue', everyMs: KEEP_MS, run: () => service.keep(), finish: async () => {} },
  ]
  return { service, tasks }
}
