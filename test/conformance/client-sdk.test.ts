/** The client SDK on Node against the started server: tokens, subscriptions, rules, requests. */
import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { after, before } from 'node:test'
import { ClientError, CloudSignal, type Message } from '../../packages/client/src/client.ts'
import { connected, CuttableWire, loginOf, mintingApp, optionsOf } from '../support/client-world.ts'
import { ORGANIZATION } from '../support/mqtt-clients.ts'
import { type LiveServer, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until, within } from '../support/wait.ts'

const USER = { name: 'device', password: 'device-password-0123456789' }
let server: LiveServer
const open = new Set<CloudSignal>()

before(async () => {
  server = await startServer({ apps: [mintingApp('sdk', { mqttUsers: [USER] })] })
})
after(async () => {
  for (const client of open) client.destroy()
  await server.stop()
})

async function joined(more: Parameters<typeof connected>[1] = {}): Promise<CloudSignal> {
  const client = await connected(server, more)
  open.add(client)
  return client
}

function textsOf(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text())
}

async function refused(work: Promise<unknown>): Promise<ClientError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ClientError, String(error))
  return error
}

for (const preset of ['desktop', 'mobile', 'agent', 'server'] as const) {
  test(`the ${preset} preset mints, connects, subscribes, publishes and leaves`, async () => {
    const client = await joined({ options: { preset } })
    assert.deepEqual([client.state, client.isConnected], ['connected', true])
    const heard: Message[] = []
    const subscription = await client.subscribe(`${preset}/+`, (message) => heard.push(message))
    await client.publish(`${preset}/a`, { n: 1 }, { qos: 1 })
    await client.transmit(`${preset}/b`, 'two', { qos: 2 })
    await until('both', () => heard.length === 2)
    assert.deepEqual(heard[0]?.json(), { n: 1 })
    assert.equal(heard[1]?.text(), 'two')
    await subscription.unsubscribe()
    assert.deepEqual(client.subscriptions, [])
    await client.publish(`${preset}/a`, 'unheard', { qos: 1 })
    assert.equal(heard.length, 2)
    client.destroy()
    assert.equal(client.state, 'disconnected')
  })
}

test('a device connects with the password of its user over TCP', async () => {
  const client = new CloudSignal({ preset: 'server', host: server.mqtt })
  open.add(client)
  await client.connect({ username: `${USER.name}@${ORGANIZATION}`, password: USER.password })
  const texts: string[] = []
  client.onMessage((topic, text) => texts.push(`${topic} ${text}`))
  await client.subscribe('devices/#', 1)
  await client.publish('devices/1', 'on')
  await until('the message', () => texts[0])
  assert.deepEqual(texts, ['devices/1 on'])
})

test('outside of the rules of its token it is refused by name, and stays connected', async () => {
  const acl = { publish: ['rooms/+/chat'], subscribe: ['rooms/#'] }
  const client = await joined({ login: { acl } })
  const heard: Message[] = []
  await client.subscribe('rooms/#', (message) => heard.push(message))
  const subscribe = await refused(client.subscribe('secrets/#', () => undefined))
  assert.deepEqual([subscribe.code, subscribe.reasonCode], ['not_authorized', 0x87])
  for (const qos of [1, 2] as const) {
    const publish = await refused(client.publish('rooms/1/state', 'x', { qos }))
    assert.deepEqual([publish.code, publish.reasonCode], ['not_authorized', 0x87])
  }
  assert.deepEqual(client.subscriptions, ['rooms/#'])
  await client.publish('rooms/1/chat', 'hello', { qos: 1 })
  await until('the message', () => heard[0])
  assert.equal(client.state, 'connected')
})

test('credentials that are refused are an error of the call, and of onAuthError', async () => {
  const client = new CloudSignal(optionsOf(server))
  open.add(client)
  const told: string[] = []
  client.onAuthError = ({ code }) => told.push(code)
  const key = await refused(client.connectWithToken(loginOf({ secretKey: 'sk_wrong' })))
  assert.deepEqual([key.code, key.status, client.state], ['auth_failed', 401, 'error'])
  assert.ok(!key.message.includes('sk_wrong'))
  const login = { username: `nobody@${ORGANIZATION}`, password: 'wrong-password-0123456789' }
  const password = await refused(client.connect(login))
  assert.deepEqual([password.code, password.reasonCode], ['auth_failed', 0x86])
  assert.deepEqual(told, ['auth_failed', 'auth_failed'])
  const nobody = await refused(
    client.connectWithToken({ organizationId: 'org_nobody', externalToken: 'a.b.c' }),
  )
  assert.equal(nobody.code, 'organization_not_found')
})

test('one client asks and another one answers, also across MQTT versions', async () => {
  for (const preset of ['desktop', 'mobile'] as const) {
    const service = await joined({ options: { preset } })
    await service.onRequest(`math/${preset}`, (message) => {
      const { a, b } = message.json() as { a: number; b: number }
      return { sum: a + b }
    })
    const asker = await joined()
    const answers = await Promise.all(
      [1, 2, 3].map((a) => asker.request(`math/${preset}`, { a, b: 10 })),
    )
    const sums = answers.map((answer) => (answer.json() as { sum: number }).sum)
    assert.deepEqual(sums, [11, 12, 13])
    const late = await refused(asker.request('math/nobody', {}, { timeoutMs: 50 }))
    assert.equal(late.code, 'request_timeout')
  }
})

for (const preset of ['desktop', 'mobile'] as const) {
  test(`${preset}: what is published and received over a drop is not lost`, async () => {
    const wire = new CuttableWire(server.port)
    const host = `ws://127.0.0.1:${await wire.listen()}/mqtt`
    const topic = `drops/${preset}`
    const client = await joined({ options: { preset, host, tokenServiceUrl: server.http } })
    const states: string[] = []
    client.onConnectionChange = (state) => states.push(state)
    const heard: Message[] = []
    await client.subscribe(topic, (message) => heard.push(message), { qos: 1 })
    const other = await joined()
    await other.publish(topic, '1', { qos: 1 })
    await until('the first', () => heard.length === 1)
    // Its acknowledgement has arrived before this one's, so that it is not delivered again.
    await client.publish('acknowledged', 'x', { qos: 1 })
    wire.cut()
    await until('the drop is noticed', () => client.state === 'reconnecting')
    await other.publish(topic, '2', { qos: 1 })
    const own = client.publish(topic, '3', { qos: 1 })
    const late = client.subscribe(`${topic}/late`, (message) => heard.push(message))
    assert.equal(client.queuedCount, 1)
    wire.mend()
    await within('the publish', own)
    await within('the subscription', late)
    await other.publish(`${topic}/late`, '4', { qos: 1 })
    await until('all', () => heard.length >= 4)
    assert.deepEqual(textsOf(heard), ['1', '2', '3', '4'])
    assert.deepEqual(states, ['reconnecting', 'connected'])
    client.destroy()
    wire.close()
  })
}

test('a renewal, a drop, a renewal: subscriptions and user name stay', async () => {
  const wire = new CuttableWire(server.port)
  const host = `ws://127.0.0.1:${await wire.listen()}/mqtt`
  const client = await joined({ options: { host } })
  const heard: Message[] = []
  await client.subscribe('kept/#', (message) => heard.push(message))
  const minted = client.token
  const first = await client.refreshToken()
  const second = await client.refreshToken()
  assert.deepEqual([first.username, second.tokenId], [minted?.username, minted?.tokenId])
  wire.cut()
  await until('the drop is noticed', () => client.state === 'reconnecting')
  wire.mend()
  await until('it is back', () => client.isConnected)
  await client.refreshToken()
  await client.publish('kept/1', 'still here', { qos: 1 })
  await until('the message', () => heard[0])
  client.destroy()
  wire.close()
})

test('an endpoint of the application mints, and renews where it says so', async () => {
  for (const renewBy of ['service', 'endpoint'] as const) {
    const asked: string[] = []
    const fetchToken = async () => {
      asked.push(renewBy)
      const body = { organization_id: ORGANIZATION, secret_key: loginOf().secretKey }
      const response = await fetch(`${server.http}/v2/tokens/create`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, user_email: 'eve@example.com', replace_existing: false }),
      })
      return (await response.json()) as Record<string, unknown>
    }
    for (const preset of ['desktop', 'mobile'] as const) {
      const client = new CloudSignal(optionsOf(server, { preset }))
      open.add(client)
      await client.connectWithToken({ fetchToken, renewBy })
      const heard: Message[] = []
      await client.subscribe('own/#', (message) => heard.push(message))
      const { tokenId } = client.token ?? {}
      const renewed = await client.refreshToken()
      assert.equal(renewed.tokenId === tokenId, renewBy === 'service')
      await client.publish('own/1', 'hello', { qos: 1 })
      await until('the message', () => heard[0])
      assert.equal(heard.length, 1)
      client.destroy()
    }
    assert.equal(asked.length, renewBy === 'service' ? 2 : 4)
  }
})

test('a revoked token ends the client by onAuthError, once nothing else is given', async () => {
  const login = { userEmail: 'revoked@example.com' }
  const client = new CloudSignal(optionsOf(server))
  open.add(client)
  const answer = await fetch(`${server.http}/v2/tokens/create`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      organization_id: ORGANIZATION,
      secret_key: loginOf().secretKey,
      user_email: login.userEmail,
    }),
  })
  const token = (await answer.json()) as Record<string, unknown>
  await client.connectWithToken({ fetchToken: () => Promise.resolve(token) })
  const told: ClientError[] = []
  client.onAuthError = (error) => told.push(error)
  const revoked = await fetch(`${server.http}/v2/tokens/revoke`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${loginOf().secretKey}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ user_email: login.userEmail }),
  })
  assert.deepEqual(await revoked.json(), { revoked: 1 })
  await until('it is told', () => told[0])
  assert.deepEqual([told[0]?.code, client.state], ['auth_failed', 'error'])
})

test('the second client of one clientId ends the first, which does not fight for it', async () => {
  const first = await joined({ options: { clientId: 'the-only-one' } })
  const told: unknown[] = []
  first.onError = (error) => told.push(error)
  const second = await joined({ options: { clientId: 'the-only-one' } })
  await until('the first has ended', () => first.state === 'error')
  assert.ok(told[0] instanceof ClientError && told[0].code === 'taken_over')
  assert.equal(second.state, 'connected')
})

test('what a broker takes of nobody is refused here, and the connection stays', async () => {
  const client = await joined()
  const states: string[] = []
  client.onConnectionChange = (state) => states.push(state)
  for (const topic of ['', 'a/+', 'a\0b']) {
    const { code } = await refused(within('an answer', client.publish(topic, 'x', { qos: 1 })))
    assert.equal(code, 'publish_refused')
  }
  const large = client.publish('large', 'x'.repeat(4 * 1024 * 1024), { qos: 1 })
  assert.equal((await refused(within('an answer', large))).code, 'publish_refused')
  const filter = await refused(within('an answer', client.subscribe('a\0b')))
  assert.equal(filter.code, 'subscribe_refused')
  for (const userProperties of [{}, { none: [] }, { none: [], one: '' }]) {
    await within('an answer', client.publish('fine', 'x', { qos: 1, userProperties }))
  }
  assert.deepEqual(states, [])
})

test('a message that an older broker closes for is given up, and the next one arrives', async () => {
  const client = await joined({ options: { preset: 'mobile', reconnectPeriodMs: 5 } })
  const large = client.publish('large', 'x'.repeat(4 * 1024 * 1024), { qos: 1 })
  const next = client.publish('next', 'x', { qos: 1 })
  assert.equal((await refused(within('an answer', large))).code, 'publish_refused')
  await within('the next one', next)
  assert.equal(client.state, 'connected')
})

test('callbacks that throw keep it from nothing, and are told', async () => {
  const wire = new CuttableWire(server.port)
  const host = `ws://127.0.0.1:${await wire.listen()}/mqtt`
  const client = new CloudSignal(optionsOf(server, { host }))
  open.add(client)
  const told: unknown[] = []
  const fail = (): never => {
    throw new RangeError('of the application')
  }
  client.onError = (error) => told.push(error)
  client.onConnectionChange = fail
  client.onConnectionStatusChange = fail
  client.onReconnecting = fail
  client.onTokenRefreshed = fail
  client.watch(fail)
  await within('the connect', client.connectWithToken(loginOf()))
  await within('the renewal', client.refreshToken())
  wire.cut()
  await until('the drop is noticed', () => client.state === 'reconnecting')
  wire.mend()
  await until('it is back', () => client.isConnected)
  await within('the publish', client.publish('a', 'x', { qos: 1 }))
  assert.ok(told.length >= 10 && told.every((error) => error instanceof RangeError))
  client.destroy()
  wire.close()
})

test('without a connection a request times out, and an end of a subscription is kept', async () => {
  const wire = new CuttableWire(server.port)
  const host = `ws://127.0.0.1:${await wire.listen()}/mqtt`
  const client = await joined({ options: { host } })
  const heard: string[] = []
  client.onMessage((topic) => heard.push(topic))
  await client.subscribe('ended/#')
  await client.subscribe('held/#')
  wire.cut()
  await until('the drop is noticed', () => client.state === 'reconnecting')
  const late = client.request('math/offline', {}, { timeoutMs: 20 })
  assert.equal((await refused(within('an answer', late))).code, 'request_timeout')
  await client.unsubscribe('ended/#')
  wire.mend()
  await until('it is back', () => client.isConnected)
  // Answered after the broker has taken the end.
  await client.subscribe('later/#')
  const other = await joined()
  for (const topic of ['ended/1', 'held/1']) await other.publish(topic, 'x', { qos: 1 })
  await until('what is held', () => heard.includes('held/1'))
  assert.deepEqual(heard, ['held/1'])
  client.destroy()
  wire.close()
})

test('it leaves a broker that never answers, and keeps no process from ending', async () => {
  const CONNACK = Uint8Array.of(0x20, 3, 0, 0, 0)
  let isClosed = false
  const silent = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', () => socket.write(CONNACK))
    // What nobody receives any more is reset.
    const writing = setInterval(() => socket.write(Uint8Array.of(0xd0, 0)), 20)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(writing)
      isClosed = true
    })
  })
  const port = await new Promise<number>((resolve) => {
    silent.listen(0, '127.0.0.1', () => resolve((silent.address() as AddressInfo).port))
  })
  const client = new CloudSignal({ preset: 'server', host: `mqtt://127.0.0.1:${port}` })
  await client.connect({ username: 'a', password: 'b' })
  client.destroy()
  await until('the connection is gone', () => isClosed)
  silent.close()
})
