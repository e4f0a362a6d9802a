/** The typed caller on Node, against the started server, over a network that loses replies. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { createAdminClient, valueOrThrow } from '../../packages/admin-api/src/client.ts'
import { AdminUnreachable } from '../../packages/admin-api/src/problem.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { within } from '../support/wait.ts'

const home = mkdtempSync(join(tmpdir(), 'lockgate-client-'))
after(() => rmSync(home, { recursive: true, force: true }))
const dataDir = join(home, 'data')
const running = serving({ apps: [app('chat')], dataDir })
const key = () => readFileSync(join(dataDir, 'operator.key'), 'utf8').trim()

/** `Array.fromAsync`, which Node 20 has not. */
async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Hands calls on; after the server has answered, the first `lostCount` answers are cut off. */
async function lossyProxy(
  lostCount: number,
): Promise<{ url: string; close(): void; seen: string[] }> {
  const seen: string[] = []
  const proxy: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      seen.push(String(request.headers['idempotency-key']))
      const answer = await fetch(`${running.server.http}${request.url ?? ''}`, {
        method: request.method ?? 'GET',
        headers: {
          authorization: String(request.headers.authorization),
          'content-type': 'application/json',
          'idempotency-key': String(request.headers['idempotency-key']),
        },
        ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      })
      const body = Buffer.from(await answer.arrayBuffer())
      if (seen.length <= lostCount) return response.destroy()
      return response.writeHead(answer.status, { 'content-type': 'application/json' }).end(body)
    })()
  })
  await within('the proxy', new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done)))
  const { port } = proxy.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, seen, close: () => proxy.close() }
}

test('a changing call whose replies are lost is carried out once, and its answer still comes', async () => {
  const proxy = await lossyProxy(2)
  try {
    const client = createAdminClient({ url: proxy.url, key })
    const body = { kind: 'api_key', name: 'once' } as const
    const made = valueOrThrow(
      await client.call('credentials.create', { parameters: { appId: 'chat' }, body }),
    )
    assert.match(made.value ?? '', /^sk_/)
    assert.equal(proxy.seen.length, 3)
    assert.equal(new Set(proxy.seen).size, 1, 'every attempt has the same key')
    const direct = createAdminClient({ url: running.server.http, key })
    const items = await collected(
      direct.items('credentials.list', { parameters: { appId: 'chat' } }),
    )
    assert.equal(items.filter(({ name }) => name === 'once').length, 1)
  } finally {
    proxy.close()
  }
})

test('attempts are bounded, and the error says where and not what was sent', async () => {
  const proxy = await lossyProxy(100)
  try {
    const client = createAdminClient({ url: proxy.url, key, retryCountMax: 1 })
    const value = 'a-value-of-my-own-8f3kq0dx7w2p5m6n1c4v9b'
    const body = { kind: 'jwt_secret', name: 'never heard of', value } as const
    const call = client.call('credentials.create', { parameters: { appId: 'chat' }, body })
    await assert.rejects(call, (error: unknown) => {
      assert.ok(error instanceof AdminUnreachable)
      assert.ok(error.message.includes(proxy.url))
      const text = `${error.stack ?? ''}${String(error.cause)}${JSON.stringify(error)}`
      assert.ok(!text.includes(value) && !text.includes(key()))
      return true
    })
    assert.equal(proxy.seen.length, 2)
  } finally {
    proxy.close()
  }
})

test('lists are read page by page to their end, and streams line by line', async () => {
  const client = createAdminClient({ url: running.server.http, key })
  const all = await collected(client.items('plans.list'))
  const byOne = await collected(client.items('plans.list', { parameters: { limit: 1 } }))
  assert.ok(all.length > 1)
  assert.deepEqual(byOne, all)
  const lines = await collected(client.lines('audit.verify'))
  assert.deepEqual([lines.at(-1)?.kind, lines.at(-1)?.isSound], ['verdict', true])
})
