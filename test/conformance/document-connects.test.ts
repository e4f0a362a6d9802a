/**
 * How often one address may connect to documents (contract WireSocket 8): sixty times in a minute,
 * also for clients that come back for ever after every close, as y-websocket 2.1 does.
 */
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { WebSocket } from 'ws'
import { WebsocketProvider as WebsocketProvider21 } from 'y-websocket-2.1'
import * as Y from 'yjs'
import { LIMITS } from '../../packages/server/src/core/limits/limit-names.ts'
import { send } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'
import { refusedUpgrade } from '../support/wsocket-clients.ts'

const CLIENT = { clientId: 'edit-client', clientSecret: 'edit-secret-0123456789abcdef-edit' }
const EDITOR = app('edit', CLIENT)
const quota = LIMITS['documents_connect.ip'].default.quota

const whole = serving({ apps: [EDITOR] })
const FEW = 5
const few = serving({
  apps: [EDITOR],
  config: { guard: { limits: [`documents_connect.ip ${FEW}/1m`] } },
})

const urlOf = (it: typeof whole, path: string) => `ws://127.0.0.1:${it.server.port}${path}`

async function figure(it: typeof whole, name: string): Promise<number> {
  const { body } = await send(it.server.ops, { method: 'GET', target: '/metrics' })
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(body)?.[1] ?? 0)
}

const docs = new Set<Y.Doc>()
after(() => {
  for (const doc of docs) doc.destroy()
})

test('connection 61 of a minute gets 429 before the upgrade, and a minute to wait', async () => {
  const { access } = await buyTokens(whole.server, CLIENT)
  const path = `/doc?token=${access}`
  for (let count = 0; count < quota; count++) {
    const socket = new WebSocket(urlOf(whole, path))
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    socket.terminate()
  }
  const refused = await refusedUpgrade(urlOf(whole, path))
  assert.deepEqual([quota, refused.status, refused.retryAfter], [60, 429, '60'])
  // Who is only looking for its document is another count.
  const headers = { authorization: `Bearer ${access}` }
  const target = '/discovery?documentName=doc'
  const found = await send(whole.server.http, { method: 'GET', target, headers })
  assert.equal(found.status, 200)
})

test('y-websocket 2.1 with a bad token comes back for ever, and is let in no more often', async () => {
  const doc = new Y.Doc()
  docs.add(doc)
  const options = { WebSocketPolyfill: WebSocket as never, disableBc: true, maxBackoffTime: 50 }
  // Several, because each is held back for a second or two before it is closed.
  const providers = ['one', 'two', 'three'].map(
    (name) =>
      new WebsocketProvider21(urlOf(few, ''), name, doc, { ...options, params: { token: 'bad' } }),
  )
  try {
    const refusals = 'lockgate_refusals_total\\{code="rate_limited"\\}'
    await until('it is refused before the upgrade', async () => (await figure(few, refusals)) > 10)
    assert.equal(await figure(few, 'lockgate_connections_total'), FEW)
  } finally {
    for (const provider of providers) provider.destroy()
  }
})
