/** Asks receivers of webhooks whether they have their new secret, over the ports of the server. */
import type { UpkeepTask } from '../core/upkeep.ts'
import type { WebhookChanges } from '../credentials/administration/webhook-changes.ts'
import { Adoption } from '../outbound/webhooks/adoption.ts'
import type { Log } from '../ports/log.ts'
import type { WebhookSender } from '../ports/webhook-sender.ts'
import type { CredentialCore } from './credential-core.ts'

const TASK_MS = 5_000

export function openAdoption(
  core: CredentialCore,
  parts: {
    readonly webhookChanges: WebhookChanges
    readonly sender: Pick<WebhookSender, 'send'>
    readonly log: Log
  },
): Adoption {
  const { authority, changes, recordUse, administration } = core
  const { clock, random, events } = administration
  const { webhookChanges, sender, log } = parts
  const known = { authority, changes, recordUse, webhooks: webhookChanges }
  return new Adoption({ ...known, sender, events, clock, random, log })
}

export function adoptionTask(adoption: Adoption): UpkeepTask {
  return {
    name: 'webhook_adoption',
    everyMs: TASK_MS,
    run: async () => adoption.tick(),
    finish: async () => adoption.close(),
  }
}
