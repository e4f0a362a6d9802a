/** y-websocket 3.1, 3.0 and 2.1, and the provider of Hocuspocus 4.8, unmodified, against documents. */
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until } from '../support/wait.ts'
import {
  customerToken as signedByCustomer,
  IN_NODE,
  MANY_EDITORS,
  type PlainOptions,
  type PlainProvider,
  Y_WEBSOCKET,
} from '../support/yjs-editors.ts'

const CLIENT = { clientId: 'yjs-client', clientSecret: 'yjs-secret-0123456789abcdef-yjs' }
const SECRET = 'k7Q-2vXw9_ZrT4mB8nLp3sYd6hFj1cGaWq5tEu0iRoP'
const it = serving({
  apps: [app('yjs', { ...CLIENT, jwtSecrets: [{ value: SECRET }] })],
  config: MANY_EDITORS,
})

/** Awareness lives on a timer until its document is destroyed. */
const docs = new Set<Y.Doc>()
after(() => {
  for (const doc of docs) doc.destroy()
})

function freshDoc(): Y.Doc {
  const doc = new Y.Doc()
  docs.add(doc)
  return doc
}

let count = 0
const fresh = (name: string) => `${name}-${++count}`
const base = () => `ws://127.0.0.1:${it.server.port}`
const accessToken = async () => (await buyTokens(it.server, CLIENT)).access

const customerToken = (channels: Readonly<Record<string, readonly string[]>>) =>
  signedByCustomer(SECRET, { app: 'yjs', channels })

function open(
  Client: typeof WebsocketProvider,
  at: { readonly url?: string; readonly name: string } & PlainOptions,
): { doc: Y.Doc; provider: PlainProvider; text: Y.Text } {
  const { url = base(), name, ...options } = at
  const doc = freshDoc()
  const provider = new Client(url, name, doc, { ...IN_NODE, ...options })
  return { doc, provider, text: doc.getText('t') }
}

/** The close code that a provider of y-websocket sees first. */
function closeOf(provider: PlainProvider): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => {
    provider.on('connection-close', (event) => {
      if (event !== null) resolve({ code: event.code, reason: event.reason })
    })
  })
}

for (const [version, Client] of Y_WEBSOCKET) {
  test(`${version}: two editors see what each of them writes, and each other`, async () => {
    const params = { token: await accessToken() }
    const name = fresh('doc')
    const [one, other] = [open(Client, { name, params }), open(Client, { name, params })]
    await until('both synced', () => one.provider.synced && other.provider.synced)
    one.text.insert(0, 'one')
    await until('one at the other', () => other.text.toJSON() === 'one')
    other.text.insert(3, ' two')
    await until('two at the one', () => one.text.toJSON() === 'one two')
    one.provider.awareness.setLocalStateField('user', { name: 'Ann' })
    const seen = () => other.provider.awareness.getStates().get(one.doc.clientID)?.['user']
    await until('awareness', () => seen() !== undefined)
    assert.deepEqual(seen(), { name: 'Ann' })
    const late = open(Client, { name, params })
    await until('the late one', () => late.text.toJSON() === 'one two')
    one.provider.destroy()
    await until(
      'the one is gone',
      () => !other.provider.awareness.getStates().has(one.doc.clientID),
    )
    other.provider.destroy()
    late.provider.destroy()
  })

  test(`${version}: every carrier of a token and every form of the URL leads to one document`, async () => {
    const token = await accessToken()
    const name = fresh('doc')
    const Headed = class extends WebSocket {
      constructor(url: string) {
        super(url, { headers: { Authorization: `Bearer ${token}` } })
      }
    }
    const all = [
      open(Client, { name, params: { token } }),
      open(Client, { name, params: { access_token: token } }),
      open(Client, { name, protocols: ['access_token', token] }),
      open(Client, { name, protocols: ['Bearer', token] }),
      open(Client, { name, WebSocketPolyfill: Headed as never }),
      open(Client, { name, url: `${base()}?token=${token}` }),
      open(Client, { name, url: `${base()}/${name}`, params: { token } }),
      open(Client, { name, url: `${base()}/ws`, params: { token } }),
    ]
    await until('all synced', () => all.every(({ provider }) => provider.synced))
    all[0]?.text.insert(0, 'here')
    await until('all the same', () => all.every(({ text }) => text.toJSON() === 'here'))
    for (const { provider } of all) provider.destroy()
  })

  test(`${version}: who may only read changes nothing`, async () => {
    const name = fresh('doc')
    const reading = { token: customerToken({ [name]: ['subscribe'] }) }
    const writing = { token: customerToken({ [name]: ['subscribe', 'publish'] }) }
    const reader = open(Client, { name, params: reading })
    const writer = open(Client, { name, params: writing })
    await until('both synced', () => reader.provider.synced && writer.provider.synced)
    reader.text.insert(0, 'mine')
    writer.text.insert(0, 'kept')
    await until('the reader reads', () => reader.text.toJSON().includes('kept'))
    assert.equal(writer.text.toJSON(), 'kept')
    reader.provider.destroy()
    writer.provider.destroy()
  })

  test(`${version}: who does not get in is told why by the close code`, async () => {
    const name = fresh('doc')
    const token = customerToken({ other: ['subscribe'] })
    const forged = `${await accessToken()}x`
    for (const [code, at] of [
      [4001, { name }],
      [4002, { name, params: { token: forged } }],
      [4003, { name, params: { token } }],
      [4007, { name: 'no.name', params: { token } }],
    ] as const) {
      const { provider } = open(Client, at)
      const closed = await closeOf(provider)
      provider.destroy()
      assert.equal(closed.code, code)
    }
  })
}

function socketOf(url = `${base()}/ws`): HocuspocusProviderWebsocket {
  return new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket })
}

interface Pooled {
  readonly doc: Y.Doc
  readonly provider: HocuspocusProvider
  denied: string | undefined
}

function pooled(
  websocketProvider: HocuspocusProviderWebsocket,
  at: { readonly name: string; readonly token: string; readonly sessionAwareness?: boolean },
): Pooled {
  const doc = freshDoc()
  const provider = new HocuspocusProvider({ websocketProvider, document: doc, ...at })
  const made: Pooled = { doc, provider, denied: undefined }
  provider.on('authenticationFailed', ({ reason }: { reason: string }) => (made.denied = reason))
  provider.attach()
  return made
}

test('Hocuspocus: two editors see what each of them writes, and each other', async () => {
  const token = await accessToken()
  const name = fresh('doc')
  const sockets = [socketOf(), socketOf()]
  const [one, other] = sockets.map((socket) => pooled(socket, { name, token }))
  assert.ok(one !== undefined && other !== undefined)
  await until('both synced', () => one.provider.synced && other.provider.synced)
  one.doc.getText('t').insert(0, 'one')
  await until('at the other', () => other.doc.getText('t').toJSON() === 'one')
  await until('acknowledged', () => !one.provider.hasUnsyncedChanges)
  assert.equal(one.provider.authorizedScope, 'read-write')
  one.provider.setAwarenessField('user', { name: 'Ann' })
  const seen = () => other.provider.awareness?.getStates().get(one.doc.clientID)?.['user']
  await until('awareness', () => seen() !== undefined)
  const plain = open(WebsocketProvider, { name, params: { token } })
  await until('y-websocket too', () => plain.text.toJSON() === 'one')
  plain.provider.destroy()
  for (const socket of sockets) socket.destroy()
})

test('Hocuspocus: of two documents on one socket one is denied, and the other goes on', async () => {
  const [mine, foreign] = [fresh('doc'), fresh('doc')]
  const token = customerToken({ [mine]: ['subscribe', 'publish'] })
  const socket = socketOf()
  const [one, other] = [
    pooled(socket, { name: mine, token }),
    pooled(socket, { name: foreign, token }),
  ]
  await until('the denial', () => other.denied !== undefined)
  await until('the other one', () => one.provider.synced)
  one.doc.getText('t').insert(0, 'on')
  await until('acknowledged', () => !one.provider.hasUnsyncedChanges)
  assert.equal(other.provider.isAuthenticated, false)
  socket.destroy()
})

test('Hocuspocus: a document under two sessions of one socket', async () => {
  const token = await accessToken()
  const name = fresh('doc')
  const socket = socketOf()
  const at = { name, token, sessionAwareness: true }
  const [one, other] = [pooled(socket, at), pooled(socket, at)]
  await until('both synced', () => one.provider.synced && other.provider.synced)
  one.doc.getText('t').insert(0, 'one')
  await until('at the other session', () => other.doc.getText('t').toJSON() === 'one')
  socket.destroy()
})

test('Hocuspocus: who may only read is told so', async () => {
  const name = fresh('doc')
  const socket = socketOf()
  const reader = pooled(socket, { name, token: customerToken({ [name]: ['subscribe'] }) })
  await until('synced', () => reader.provider.synced)
  assert.equal(reader.provider.authorizedScope, 'readonly')
  reader.doc.getText('t').insert(0, 'mine')
  const writer = open(WebsocketProvider, { name, params: { token: await accessToken() } })
  await until('synced', () => writer.provider.synced)
  assert.equal(writer.text.toJSON(), '')
  assert.equal(reader.provider.hasUnsyncedChanges, true)
  writer.provider.destroy()
  socket.destroy()
})
