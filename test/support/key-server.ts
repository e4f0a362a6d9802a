/** A customer's own server: publishes a key set, and counts who asks. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'

export interface CustomerKey {
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
}

export async function customerKey(alg: string, kid: string): Promise<CustomerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid } }
}

export class KeyServer {
  keys: readonly JWK[] = []
  /** Undefined: the key set; else this status and a page. */
  status: number | undefined
  requestCount = 0
  readonly #server: Server

  constructor() {
    this.#server = createServer((_request, response) => {
      this.requestCount++
      if (this.status !== undefined) response.writeHead(this.status).end('<html></html>')
      else response.setHeader('content-type', 'application/json').end(this.#document())
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  #document(): string {
    return JSON.stringify({ keys: this.keys })
  }
}
