/** Node without a framework: the ready receiver, with the raw body up to the verifier's bound. */
import { createServer } from 'node:http'
import { nodeListener } from '@lockgate/server-sdk/node-listener'
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

const listener = nodeListener(receive, {
  rawBodyBytesMax: verifier.bodyBytesMax,
  onError: console.error,
})
createServer(listener).listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () =>
  console.log('ready'),
)
