/** The started server with an app that mints tokens, and clients of our own SDK against it. */
import { connect as connectSocket, createServer, type Socket } from 'node:net'
import { systemRandom } from '../../packages/server/src/adapters/system/random.ts'
import { generateKey } from '../../packages/server/src/credentials/key-format.ts'
import { type ClientOptions, CloudSignal } from '../../packages/client/src/client.ts'
import { ORGANIZATION } from './mqtt-clients.ts'
import { app, type AppConfig, type LiveServer } from './server.ts'

/** Made anew in each run, so that no key is written down. */
export const SECRET_KEY = generateKey('sk', systemRandom).value
export const ANN = 'ann@example.com'

/** An app whose key mints, with a second user for the other side. */
export function mintingApp(id: string, settings: Partial<AppConfig> = {}): AppConfig {
  return app(id, { apiKeys: [{ value: SECRET_KEY }], ...settings })
}

export function optionsOf(server: LiveServer, more: ClientOptions = {}): ClientOptions {
  return {
    preset: 'desktop',
    host: `${server.http.replace(/^http/, 'ws')}/mqtt`,
    tokenServiceUrl: server.http,
    reconnectPeriodMs: 50,
    ...more,
  }
}

/** What a login by key says, narrowed to nothing unless told otherwise. */
export function loginOf(more: object = {}) {
  return { organizationId: ORGANIZATION, secretKey: SECRET_KEY, userEmail: ANN, ...more }
}

/** A client that is connected with a token of the key. */
export async function connected(
  server: LiveServer,
  { options = {}, login = {} }: { readonly options?: ClientOptions; readonly login?: object } = {},
): Promise<CloudSignal> {
  const client = new CloudSignal(optionsOf(server, options))
  await client.connectWithToken(loginOf(login))
  return client
}

/** A wire between clients and the server that a test can cut. */
export class CuttableWire {
  readonly #sockets = new Set<Socket>()
  readonly #server
  #isOpen = true

  constructor(port: number) {
    this.#server = createServer((near) => {
      if (!this.#isOpen) return void near.destroy()
      const far = connectSocket(port, '127.0.0.1')
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one)
        one.pipe(other)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
      }
    })
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      })
    })
  }

  /** Nothing gets through any more, in either direction. */
  cut(): void {
    this.#isOpen = false
    for (const socket of this.#sockets) socket.destroy()
  }

  mend(): void {
    this.#isOpen = true
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}
