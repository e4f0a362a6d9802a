/** Hono. The same routes run on Node, Bun and edge runtimes; `verify()` works on all of them. */
import { serve } from '@hono/node-server'
import { WebhookVerifier } from '@lockgate/server-sdk/webhook-verifier'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { keysOf } from './keys.mjs'

const lockgate = new WebhookVerifier({ keys: keysOf(process.env['WEBHOOK_KEYS']) })
const app = new Hono()

app.post('/webhooks', bodyLimit({ maxSize: lockgate.bodyBytesMax }), async (c) => {
  const rawBody = await c.req.arrayBuffer()
  const webhook = lockgate.webhook({ rawBody, headers: c.req.raw.headers })
  const verified = await webhook.verify()
  if (!verified.ok) return c.json({ error: verified.refusal }, 401)
  for (const event of verified.value.events) console.log('event', event.type ?? event.name)
  return c.body(null, 204)
})

const port = Number(process.env['PORT'] ?? 3000)
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => console.log('ready'))
