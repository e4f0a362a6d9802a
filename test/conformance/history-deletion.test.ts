/** Messages that somebody deleted come back in no way: rewind, resume, a page, a restart. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { Administration, ownerKey } from '../support/administration.ts'
import { send } from '../support/http.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'
import { FamilyA, FamilyB, type WireFrame } from '../support/wsocket-clients.ts'

const KEY = generateKey('sk', systemRandom).value
const apps = [app('chat', { apiKeys: [{ value: KEY }] })]

const urlOf = (server: LiveServer) => `${server.http.replace('http', 'ws')}/?key=${KEY}`

/** @returns ids of messages as the HTTP API gives them. */
async function page(server: LiveServer): Promise<string[]> {
  const headers = { authorization: `Bearer ${KEY}` }
  const target = '/api/apps/chat/channels/room/messages?direction=forward'
  const { body } = await send(server.http, { method: 'GET', target, headers })
  return JSON.parse(body).messages.map(({ id }: { id: string }) => id)
}

/** @returns what a client that just came is given. */
async function rewound(server: LiveServer): Promise<readonly string[]> {
  const client = new FamilyB(urlOf(server))
  await client.connect()
  await client.subscribe('room', { rewind: 100 })
  // Frames are answered in order: what belongs to the subscription came before.
  client.send({ action: 'ping' })
  await client.next('a pong', ({ action }) => action === 'pong')
  await client.disconnect()
  return client.ids
}

const isAck = ({ action, id }: WireFrame) => action === 'ack' && id === 'resume'

test('what is deleted comes with no rewind, no resume and no page, not even after a crash', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lockgate-deleted-'))
  let server = await startServer({ apps, dataDir })
  const administration = new Administration(
    () => server,
    () => ownerKey(dataDir),
  )
  try {
    const away = new FamilyA(urlOf(server))
    const ann = new FamilyA(urlOf(server))
    for (const each of [away, ann]) {
      await each.connect()
      await each.subscribe('room')
    }
    await ann.publish('room', 'one', 1)
    await until('the first', () => away.ids.length === 1)
    await away.disconnect()
    await ann.publish('room', 'two', 2)
    await ann.publish('room', 'three', 3)
    assert.deepEqual(await rewound(server), ['one', 'two', 'three'])

    // The last one is not acknowledged yet: it may be on its way to the store.
    ann.send({ action: 'publish', channel: 'room', id: 'four', data: 4 })
    await until('the fourth', () => ann.ids.includes('four'))
    const deleted = await administration.done('history.delete', {
      parameters: { appId: 'chat' },
      body: { channel: 'room', reason: 'asked by the customer' },
    })
    assert.deepEqual([deleted.deletedCount, deleted.isComplete], [4, true])

    assert.deepEqual(await rewound(server), [])
    assert.deepEqual(await page(server), [])
    await away.connect()
    await away.next('the resume', isAck)
    // It is not told that it has everything.
    await away.next('the gap', ({ code }) => code === 'history_gap')
    assert.deepEqual(away.ids, ['one'])

    await ann.publish('room', 'five', 5)
    await until('the fifth', () => away.ids.includes('five'))
    assert.deepEqual(await rewound(server), ['five'])
    server.killNow()
    server = await startServer({ apps, dataDir })
    assert.deepEqual(await rewound(server), ['five'])
    assert.deepEqual(await page(server), ['five'])
  } finally {
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
})
