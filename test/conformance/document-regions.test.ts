/**
 * WebSocket regions: a document is in the region that opened it first, editors of another one are
 * sent there, and after the grace it may be opened elsewhere (contract WireSocket 5 and 8). One
 * process is two regions here, told apart by the host that a client asked for.
 */
import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { GRACE_MS } from '../../packages/server/src/core/documents/document-hub.ts'
import { freePort } from '../support/free-port.ts'
import { app, type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { buyTokens } from '../support/tokens.ts'
import { until, WAIT_MS } from '../support/wait.ts'

const CLIENT = { clientId: 'region-client', clientSecret: 'region-secret-0123456789abcdef-reg' }

type Region = 'one' | 'two'

let server: LiveServer
let token: string
let hosts: Readonly<Record<Region, string>>
const docs = new Set<Y.Doc>()

before(async () => {
  const port = await freePort()
  hosts = { one: `127.0.0.1:${port}`, two: `localhost:${port}` }
  const others = ['https', 'mqtt', 'mqtts', 'ops'].map((name) => [name, '127.0.0.1:0'])
  const regions = Object.entries(hosts).map(([code, host]) => `${code} ws://${host}`)
  server = await startServer({
    apps: [app('regions', CLIENT)],
    config: {
      listen: { ...Object.fromEntries(others), http: hosts.one },
      documents: { region: 'one', regions },
    },
  })
  token = (await buyTokens(server, CLIENT)).access
})

after(async () => {
  for (const doc of docs) doc.destroy()
  await server.stop()
})

/** @param at the URL of a region, or what a client was sent to without the document. */
function open(at: string, name: string) {
  const doc = new Y.Doc()
  docs.add(doc)
  const provider = new WebsocketProvider(at, name, doc, {
    ...{ WebSocketPolyfill: WebSocket as never, disableBc: true, params: { token } },
  })
  let closed: { readonly code: number; readonly reason: string } | undefined
  provider.on('connection-close', (event) => {
    if (event !== null) closed ??= { code: event.code, reason: event.reason }
  })
  return { provider, text: doc.getText('t'), closed: () => closed }
}

const inRegion = (region: Region, name: string) => open(`ws://${hosts[region]}`, name)

/** What is said to whoever asks in a region. */
async function discover(region: Region, name: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}` }
  const asked = `http://${hosts[region]}/discovery?documentName=${name}`
  return (await fetch(asked, { headers })).json()
}

const placeOf = (region: Region, name: string) => ({ region, url: `ws://${hosts[region]}/${name}` })

test('an editor of another region is sent to the document, and following it the two meet', async () => {
  const here = inRegion('one', 'notes')
  await until('it is open in one', () => here.provider.synced)
  here.text.insert(0, 'hello')

  const away = inRegion('two', 'notes')
  const closed = await until('it is sent away', () => away.closed())
  away.provider.destroy()
  const { region, url } = placeOf('one', 'notes')
  assert.deepEqual(closed, { code: 4009, reason: `REDIRECT:${url}` })
  for (const asked of ['one', 'two'] as const) {
    assert.deepEqual(await discover(asked, 'notes'), { region, url, isNew: false })
  }

  // With the document at its end, as it came: a URL of y-websocket may name it twice.
  const followed = open(closed.reason.slice('REDIRECT:'.length), 'notes')
  await until('it has the document', () => followed.text.toJSON() === 'hello')
  followed.text.insert(5, ' you')
  await until('they meet', () => here.text.toJSON() === 'hello you')
  here.provider.destroy()
  followed.provider.destroy()
})

test('each document has a region of its own, and none before somebody opens it', async () => {
  assert.deepEqual(await discover('one', 'plans'), { ...placeOf('one', 'plans'), isNew: true })
  assert.deepEqual(await discover('two', 'plans'), { ...placeOf('two', 'plans'), isNew: true })
  const { provider } = inRegion('two', 'plans')
  await until('it is open in two', () => provider.synced)
  assert.deepEqual(await discover('one', 'plans'), { ...placeOf('two', 'plans'), isNew: false })
  provider.destroy()
})

test('a document that nobody has open stays where it was for the grace, and is then free', async () => {
  const first = inRegion('one', 'later')
  await until('it is open in one', () => first.provider.synced)
  first.provider.destroy()
  const early = inRegion('two', 'later')
  const sent = await until('it is sent back within the grace', () => early.closed())
  assert.equal(sent.reason, `REDIRECT:${placeOf('one', 'later').url}`)
  // It comes again and again, as its users' browsers do, and is let in when the grace is over.
  await until('it is open in two', () => early.provider.synced, GRACE_MS + WAIT_MS)
  assert.deepEqual(await discover('one', 'later'), { ...placeOf('two', 'later'), isNew: false })
  early.provider.destroy()
})
