/** The unmodified client and server libraries, pointed at a started server. */
import Echo, { type EchoOptions } from 'laravel-echo'
import PusherServer from 'pusher'
import Pusher, { type Options } from 'pusher-js'
import type { AppConfig, LiveServer } from './server.ts'
import type { KeyPair } from './signing.ts'
import { until, within } from './wait.ts'

/** 32 bytes for encrypted channels; any value will do, both libraries just have to share it. */
export const ENCRYPTION_KEY = 'zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU='

export interface Member {
  readonly user_id: string
  readonly user_info?: Readonly<Record<string, unknown>>
}

export interface ClientIdentity {
  /** Signs presence channels with these channel data; absent: no channel data at all. */
  readonly member?: Member
  /** Signs in as this user when `signin()` is called. */
  readonly user?: { readonly id: string; readonly [field: string]: unknown }
  readonly options?: Partial<Options>
}

/** The `pusher` library as an application would set it up. */
export function library(server: LiveServer, app: AppConfig, pair: KeyPair = app): PusherServer {
  return new PusherServer({
    appId: app.id,
    key: pair.key,
    secret: pair.secret,
    host: '127.0.0.1',
    port: String(server.port),
    useTLS: false,
    encryptionMasterKeyBase64: ENCRYPTION_KEY,
  })
}

/** Options of pusher-js whose authorization is done by the `pusher` library in this process. */
export function clientOptions(
  server: LiveServer,
  app: AppConfig,
  identity: ClientIdentity = {},
): Options {
  const backend = library(server, app)
  return {
    cluster: 'x',
    wsHost: '127.0.0.1',
    wsPort: server.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, callback) => {
        const data = channelName.startsWith('presence-') ? identity.member : undefined
        callback(null, backend.authorizeChannel(socketId, channelName, data))
      },
    },
    userAuthentication: {
      customHandler: ({ socketId }, callback) => {
        const user = identity.user ?? { id: 'nobody' }
        callback(null, backend.authenticateUser(socketId, user))
      },
    },
    ...identity.options,
  }
}

/** A set of clients that are all disconnected at the end of a test file. */
export class Clients {
  readonly #open: { disconnect(): void }[] = []

  readonly #server: () => LiveServer

  /** @param server asked on each use, since the server starts after the tests are declared. */
  constructor(server: () => LiveServer) {
    this.#server = server
  }

  /** A pusher-js client, connecting. */
  pusher(app: AppConfig, identity?: ClientIdentity): Pusher {
    const client = new Pusher(app.key, clientOptions(this.#server(), app, identity))
    this.#open.push(client)
    return client
  }

  /** A pusher-js client, connected. */
  async connected(app: AppConfig, identity?: ClientIdentity): Promise<Pusher> {
    const client = this.pusher(app, identity)
    await until('pusher-js is connected', () => client.connection.state === 'connected')
    return client
  }

  /** A pusher-js client, connected and signed in. */
  async signedIn(app: AppConfig, identity: ClientIdentity): Promise<Pusher> {
    const client = await this.connected(app, identity)
    client.signin()
    await until('the user channel is subscribed', () => client.user.serverToUserChannel?.subscribed)
    return client
  }

  /** Laravel Echo, connecting; both broadcasters give the same connector. */
  echo(
    broadcaster: 'reverb' | 'pusher',
    app: AppConfig,
    identity?: ClientIdentity,
  ): Echo<'pusher'> {
    const options = clientOptions(this.#server(), app, identity)
    const echo = new Echo({
      ...options,
      broadcaster,
      key: app.key,
      Pusher,
    } as EchoOptions<'pusher'>)
    this.#open.push(echo)
    return echo
  }

  closeAll(): void {
    for (const client of this.#open.splice(0)) client.disconnect()
  }
}

/** Subscribes and waits until the channel is. */
export async function subscribed(
  client: Pusher,
  channelName: string,
): Promise<ReturnType<Pusher['subscribe']>> {
  const channel = client.subscribe(channelName)
  const failed = new Promise<never>((_resolve, reject) => {
    channel.bind('pusher:subscription_error', (error: unknown) =>
      reject(new Error(`${channelName}: ${JSON.stringify(error)}`)),
    )
  })
  const done = until(`${channelName} is subscribed`, () => channel.subscribed)
  await within(channelName, Promise.race([done, failed]))
  return channel
}
