/** Webhooks as a whole: who hears of what, what is sent, and the administration of both. */
import type { Config } from '../config/config.ts'
import { DeliveryChanges } from '../credentials/administration/delivery-changes.ts'
import { type AdministeredParts, openAdministration } from './administration.ts'
import type { CredentialCore } from './credential-core.ts'
import { type Guarding, retryAsker } from './guarding.ts'
import { adoptionTask, openAdoption } from './webhook-adoption.ts'
import { openWebhookDelivery, type WebhookDeliveryParts } from './webhook-delivery.ts'
import { openWebhookEvents } from './webhook-events.ts'

type Sending = Pick<WebhookDeliveryParts, 'store' | 'events' | 'log' | 'sender' | 'pause'>

export async function openWebhooks(
  config: Config,
  core: CredentialCore,
  parts: Sending & Guarding & AdministeredParts,
) {
  const { sender, log } = parts
  const changes = openAdministration(core, config, parts)
  const rest = { ...parts, askRetry: retryAsker(parts) }
  const delivery = await openWebhookDelivery(core, { ...changes, ...rest })
  const { service } = delivery
  const adoption = openAdoption(core, { ...changes, sender, log })
  const deliveryChanges = new DeliveryChanges(core.administration, service)
  const administration = { ...changes, adoption, deliveryChanges }
  const webhooks = { service, tasks: [adoptionTask(adoption), ...delivery.tasks] }
  const webhookEvents = openWebhookEvents(core, { ...parts, outbox: service.outbox })
  const metrics = () => [webhookEvents.metrics(), service.metrics()]
  return { administration, webhooks, webhookEvents, metrics }
}
