/** A client of each protocol, unmodified, with credentials of one app; and how each of them ended. */
import { SignJWT } from 'jose'
import Pusher from 'pusher-js'
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { connect, loginOf } from './mqtt-clients.ts'
import type { AppConfig, LiveServer } from './server.ts'
import type { KeyPair } from './signing.ts'
import { clientOptions } from './clients.ts'
import { until, within } from './wait.ts'

/** Somebody who is connected. */
export interface Watched {
  readonly name: string
  /** The close code, or reason code of MQTT; undefined while it is connected. */
  readonly ended: () => number | undefined
  /** Once the server has answered something on this very connection. */
  readonly answers: () => Promise<void>
  readonly leave: () => unknown
}

/** pusher-js on a private channel that the application authorizes with `pair`. */
export async function watchedPusher(
  name: string,
  at: { readonly server: LiveServer; readonly app: AppConfig; readonly pair: KeyPair },
): Promise<Watched> {
  const { server, app, pair } = at
  const pusher = new Pusher(pair.key, clientOptions(server, { ...app, ...pair }))
  let code: number | undefined
  let asked = 0
  pusher.connection.bind('error', ({ data }: { readonly data?: { readonly code?: number } }) => {
    code ??= data?.code
  })
  pusher.connection.bind('state_change', ({ previous }: { readonly previous: string }) => {
    if (previous === 'connected') code ??= 0
  })
  const joined = deferred()
  const channel = pusher.subscribe('private-room')
  channel.bind('pusher:subscription_succeeded', () => joined.resolve())
  await within(`${name} to join its channel`, joined.promise)
  return {
    name,
    ended: () => code,
    answers: async () => {
      const again = deferred()
      const room = pusher.subscribe(`room-${asked++}`)
      room.bind('pusher:subscription_succeeded', again.resolve)
      await within(`an answer to ${name}`, again.promise)
    },
    leave: async () => {
      // One that is ended while it connects anew keeps a timer for half a minute.
      await until(`${name} to be somewhere`, () => pusher.connection.state !== 'connecting')
      pusher.disconnect()
    },
  }
}

/** MQTT.js as a declared user. */
export async function watchedMqtt(
  name: string,
  server: LiveServer,
  user: Parameters<typeof loginOf>[0],
): Promise<Watched> {
  const { client } = await connect(server.mqtt, { ...loginOf(user), protocolVersion: 5 })
  let code: number | undefined
  client.on('disconnect', ({ reasonCode }) => (code ??= reasonCode))
  client.on('close', () => (code ??= 0))
  return {
    name,
    ended: () => code,
    answers: async () => void (await client.subscribeAsync('still/here', { qos: 1 })),
    leave: () => client.end(true),
  }
}

/** The wSocket protocol with a token of the customer's own backend. */
export async function watchedWsocket(
  name: string,
  server: LiveServer,
  token: string,
): Promise<Watched> {
  const socket = new WebSocket(`${server.http.replace(/^http/, 'ws')}/?token=${token}`)
  let code: number | undefined
  let pongs = 0
  socket.on('close', (ended) => (code ??= ended))
  const answered = new Set<() => void>()
  socket.on('message', (data) => {
    if (!(data as Buffer).includes('"action":"pong"')) return
    pongs++
    for (const each of answered) each()
  })
  const opened = deferred()
  socket.once('open', () => opened.resolve())
  socket.once('error', (error) => opened.reject(error))
  await within(`${name} to connect`, opened.promise)
  const answers = async () => {
    const before = pongs
    const { promise, resolve } = deferred()
    const check = () => pongs > before && resolve()
    answered.add(check)
    socket.send(JSON.stringify({ action: 'ping' }))
    await within(`an answer to ${name}`, promise)
    answered.delete(check)
  }
  await answers()
  return { name, ended: () => code, answers, leave: () => socket.terminate() }
}

/** y-websocket with an access token. */
export async function watchedEditor(
  name: string,
  server: LiveServer,
  token: string,
): Promise<Watched> {
  const doc = new Y.Doc()
  const url = server.http.replace(/^http/, 'ws')
  const provider = new WebsocketProvider(`${url}/collaboration`, 'notes', doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    protocols: ['access_token', token],
  })
  let code: number | undefined
  provider.on('connection-close', (event) => (code ??= event?.code ?? 0))
  const synced = async () => {
    const { promise, resolve } = deferred()
    if (provider.synced) resolve()
    provider.once('sync', () => resolve())
    await within(`${name} to be synchronized`, promise)
  }
  await synced()
  return {
    name,
    ended: () => code,
    answers: async () => {
      provider.synced = false
      const { promise, resolve } = deferred()
      provider.once('sync', () => resolve())
      // Sync step 1 of an editor that has nothing.
      provider.ws?.send(Uint8Array.of(0, 0, 1, 0))
      await within(`an answer to ${name}`, promise)
    },
    leave: () => {
      provider.destroy()
      // Awareness lives on a timer until its document is destroyed.
      doc.destroy()
    },
  }
}

/** As `Promise.withResolvers`, which Node 20 has not. */
function deferred() {
  let resolve: () => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** What a backend of the app signs for a client of channels. */
export function signToken(appId: string, secret: string, jti: string): Promise<string> {
  const permissions = [{ channel: 'chat:**', actions: ['subscribe', 'publish'] }]
  return new SignJWT({ appId, permissions })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('ann')
    .setJti(jti)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(secret))
}
