/** The ready authorization endpoints on Node, used by unmodified pusher-js and Laravel Echo. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before } from 'node:test'
import Echo, { type EchoOptions } from 'laravel-echo'
import Pusher, { type Options } from 'pusher-js'
import {
  channelAuthorizationEndpoint,
  userAuthenticationEndpoint,
} from '../../packages/server-sdk/src/authorization-endpoint.ts'
import type {
  EndpointCall,
  EndpointDecision,
  EndpointOptions,
} from '../../packages/server-sdk/src/endpoint-options.ts'
import { BODY_BYTES_MAX } from '../../packages/server-sdk/src/endpoint-parameters.ts'
import { nodeListener } from '../../packages/server-sdk/src/node-listener.ts'
import { ENCRYPTION_KEY, library, subscribed } from '../support/clients.ts'
import { send } from '../support/http.ts'
import { app } from '../support/server.ts'
import { serving } from '../support/serving.ts'
import { test } from '../support/test.ts'
import { nextEvent, until } from '../support/wait.ts'

const APP = app('endpoint', { watchlist: true })
const it = serving({ apps: [APP] })

interface User {
  readonly id: string
  readonly team: string
}
const SESSIONS: Readonly<Record<string, User>> = {
  'Bearer ada-session': { id: 'ada', team: 'red' },
  'Bearer bob-session': { id: 'bob', team: 'blue' },
}

const decisions: EndpointDecision[] = []
const seen: EndpointCall[] = []
const errors: unknown[] = []
const open: { disconnect(): void }[] = []
let backend: Server
let address: string

before(() => {
  const common: EndpointOptions<User> = {
    keys: { appKey: APP.key, secret: APP.secret },
    authenticate: (call) => {
      seen.push(call)
      return SESSIONS[call.request.headers.get('authorization') ?? '']
    },
    onDecision: (decision) => decisions.push(decision),
  }
  const onError = (error: unknown): void => void errors.push(error)
  const channel = nodeListener(
    channelAuthorizationEndpoint<User>({
      ...common,
      authorize: ({ user, channel: { name } }) =>
        name.endsWith(`-${user.team}`) ? { allow: true, userInfo: { team: user.team } } : undefined,
      encryptionMasterKeyBase64: ENCRYPTION_KEY,
    }),
    { onError },
  )
  const user = nodeListener(
    userAuthenticationEndpoint<User>({
      ...common,
      signIn: () => ({ allow: true, watchlist: ['ada', 'bob'] }),
    }),
    { onError },
  )
  backend = createServer((request, response) => {
    const listener = request.url === '/broadcasting/user-auth' ? user : channel
    listener(request, response)
  })
  return new Promise<void>((resolve) => {
    backend.listen(0, '127.0.0.1', () => {
      address = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
      resolve()
    })
  })
})

after(async () => {
  for (const client of open) client.disconnect()
  await new Promise((resolve) => {
    backend.close(resolve)
    backend.closeAllConnections()
  })
})

function options(session: string): Options {
  const headers = { Authorization: `Bearer ${session}` }
  return {
    cluster: 'x',
    wsHost: '127.0.0.1',
    wsPort: it.server.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: {
      endpoint: `${address}/broadcasting/auth`,
      transport: 'ajax',
      headers,
      params: { page: 'orders & more' },
    },
    userAuthentication: {
      endpoint: `${address}/broadcasting/user-auth`,
      transport: 'ajax',
      headers,
    },
  }
}

async function connected(session: string): Promise<Pusher> {
  const client = new Pusher(APP.key, options(session))
  open.push(client)
  await until('pusher-js is connected', () => client.connection.state === 'connected')
  return client
}

test('pusher-js joins every kind of channel that the policy allows', async () => {
  const client = await connected('ada-session')
  for (const kind of ['private', 'private-cache', 'private-encrypted', 'presence']) {
    const channel = await subscribed(client, `${kind}-red`)
    const event = nextEvent(channel, 'news')
    await library(it.server, APP).trigger(`${kind}-red`, 'news', { of: kind })
    assert.deepEqual(await event, { of: kind })
  }
  const members = client.channel('presence-red') as unknown as {
    members: { me: { id: string; info: unknown } }
  }
  assert.deepEqual(members.members.me, { id: 'ada', info: { team: 'red' } })
  assert.equal(seen.at(-1)?.parameters.get('page'), 'orders & more')
  assert.deepEqual(errors, [])
})

test('pusher-js hears on the channel that the policy denied it, or that nobody is signed in', async () => {
  for (const [session, channelName, code] of [
    ['ada-session', 'private-blue', 'denied'],
    ['ada-session', 'presence-blue', 'denied'],
    ['no-session', 'private-red', 'not_authenticated'],
  ] as const) {
    const client = await connected(session)
    const channel = client.subscribe(channelName)
    const error = await nextEvent<{ status: number }>(channel, 'pusher:subscription_error')
    assert.equal(error.status, 403)
    assert.equal(channel.subscribed, false)
    assert.equal(decisions.at(-1)?.code, code)
    client.disconnect()
  }
})

test('pusher-js signs in, gets events for its user and hears of whom it watches', async () => {
  const ada = await connected('ada-session')
  ada.signin()
  await until('ada is signed in', () => ada.user.serverToUserChannel?.subscribed)
  const online = nextEvent<{ user_ids: string[] }>(ada.user.watchlist, 'online')
  const bob = await connected('bob-session')
  bob.signin()
  assert.deepEqual((await online).user_ids, ['bob'])
  const letter = nextEvent(ada.user, 'letter')
  await library(it.server, APP).sendToUser('ada', 'letter', { text: 'for you' })
  assert.deepEqual(await letter, { text: 'for you' })
})

for (const broadcaster of ['pusher', 'reverb'] as const) {
  test(`Laravel Echo with its bearer and CSRF options joins (${broadcaster})`, async () => {
    const { channelAuthorization: _, userAuthentication: __, ...transport } = options('')
    const echo = new Echo({
      ...transport,
      broadcaster,
      key: APP.key,
      Pusher,
      authEndpoint: `${address}/broadcasting/auth`,
      bearerToken: 'bob-session',
      csrfToken: 'csrf-of-the-page',
    } as EchoOptions<'pusher'>)
    open.push(echo)
    const here = new Promise<unknown[]>((resolve) => {
      echo.join('blue').here((members: unknown[]) => resolve(members))
    })
    assert.deepEqual(await here, [{ team: 'blue' }])
    assert.equal(seen.at(-1)?.request.headers.get('x-csrf-token'), 'csrf-of-the-page')
    const error = new Promise<{ status: number }>((resolve) => {
      echo.private('red').error((reason: { status: number }) => resolve(reason))
    })
    assert.equal((await error).status, 403)
    echo.disconnect()
  })
}

test('a body without end is answered and the connection closed; others are served on', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const target = '/broadcasting/auth'
  const body = 'x'.repeat(BODY_BYTES_MAX + 1)
  const answer = await send(address, { method: 'POST', target, body, headers: form })
  assert.deepEqual([answer.status, answer.headers['connection']], [413, 'close'])
  assert.equal(answer.body, '{"error":"body_too_large"}')
  const page = { ...form, origin: 'https://evil.example', authorization: 'Bearer ada-session' }
  const fields = 'socket_id=1.1&channel_name=private-red'
  const forged = await send(address, { method: 'POST', target, body: fields, headers: page })
  assert.deepEqual([forged.status, forged.body], [403, '{"error":"origin_denied"}'])
  const good = { ...form, authorization: 'Bearer ada-session' }
  const granted = await send(address, { method: 'POST', target, body: fields, headers: good })
  assert.equal(granted.status, 200)
})

test('no decision that was heard holds a signature or the secret', () => {
  assert.ok(decisions.some(({ outcome }) => outcome === 'granted'))
  const text = JSON.stringify(decisions)
  assert.ok(!text.includes(APP.secret) && !/[0-9a-f]{64}/.test(text))
})
