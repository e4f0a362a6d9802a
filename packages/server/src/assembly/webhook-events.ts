/** Puts together what makes webhooks out of what happens. */
import type { LiveEvents } from '../core/live-events.ts'
import type { WebhookOutbox } from '../outbound/webhooks/outgoing.ts'
import { WebhookRouter } from '../outbound/webhooks/webhook-router.ts'
import type { Log } from '../ports/log.ts'
import type { CredentialCore } from './credential-core.ts'

export function openWebhookEvents(
  { administration, authority }: CredentialCore,
  ports: { readonly events: LiveEvents; readonly log: Log; readonly outbox: WebhookOutbox },
): WebhookRouter {
  const { clock } = administration
  const router = new WebhookRouter({ apps: authority.apps, clock, ...ports })
  ports.events.listen(router)
  return router
}
