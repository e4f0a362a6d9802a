/** A customer's server that webhooks are posted to: keeps what arrives, and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly rawBody: string
}

export interface StandardBody {
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
}

export class EventReceiver {
  readonly all: Received[] = []
  /** What is answered. */
  status = 200
  /** In place of {@link status}, by what arrived. */
  judge: ((received: Received) => number) | undefined
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const rawBody = Buffer.concat(chunks).toString('utf8')
        const received = { headers: request.headers, rawBody }
        const status = this.judge?.(received) ?? this.status
        if (status < 300) this.all.push(received)
        response.writeHead(status).end()
      })
    })
  }

  /** @param port 0: the system chooses. */
  static async open(port = 0): Promise<EventReceiver> {
    const receiver = new EventReceiver()
    await new Promise<void>((resolve) => {
      receiver.#server.listen(port, '127.0.0.1', resolve)
    })
    return receiver
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/hooks`
  }

  /** What came in the Standard form, in the order of arrival. */
  standard(): StandardBody[] {
    return this.all.map(({ rawBody }) => JSON.parse(rawBody) as StandardBody)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
