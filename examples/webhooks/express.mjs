/** Express. Without the raw body nothing can be verified: no express.json() before this route. */
import { WebhookVerifier } from '@lockgate/server-sdk/webhook-verifier'
import express from 'express'
import { keysOf } from './keys.mjs'

const lockgate = new WebhookVerifier({ keys: keysOf(process.env['WEBHOOK_KEYS']) })
const app = express()

app.post('/webhooks', express.raw({ type: () => true, limit: '1mb' }), (req, res) => {
  const webhook = lockgate.webhook({ rawBody: req.body, headers: req.headers })
  if (!webhook.isValid()) return res.status(401).end()
  for (const event of webhook.events) console.log('event', event.type ?? event.name)
  return res.status(204).end()
})

app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => console.log('ready'))
