/** Bun, and edge runtimes: what is exported is the server. */
import { webhookHandler } from '@lockgate/server-sdk/webhook-handler'
import { WebhookVerifier } from '@lockgate/server-sdk/webhook-verifier'
import { keysOf } from './keys.mjs'

const verifier = new WebhookVerifier({ keys: keysOf(process.env['WEBHOOK_KEYS']) })

const receive = webhookHandler(verifier, {
  onWebhook: ({ events }) => {
    for (const event of events) console.log('event', event.type ?? event.name)
  },
  onDecision: ({ outcome, code }) => console.log('decision', outcome, code),
})

export default {
  port: Number(process.env['PORT'] ?? 3000),
  hostname: '127.0.0.1',
  /** @param {Request} request */
  fetch: (request) =>
    new URL(request.url).pathname === '/webhooks'
      ? receive(request)
      : new Response(null, { status: 404 }),
}
