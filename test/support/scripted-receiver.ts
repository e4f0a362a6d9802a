/** A receiver of webhooks that does to each post whatever a test says; keeps all of them. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Post {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly rawBody: string
}

export class ScriptedReceiver {
  readonly posts: Post[] = []
  /** How it answers. */
  answer: (response: ServerResponse, post: Post) => void = accept
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const rawBody = Buffer.concat(chunks).toString('utf8')
        const post = { path: request.url ?? '', headers: request.headers, rawBody }
        this.posts.push(post)
        this.answer(response, post)
      })
    })
  }

  static async open(): Promise<ScriptedReceiver> {
    const receiver = new ScriptedReceiver()
    await new Promise<void>((resolve) => {
      receiver.#server.listen(0, '127.0.0.1', resolve)
    })
    return receiver
  }

  url(path = '/hooks'): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}${path}`
  }

  to(path: string): Post[] {
    return this.posts.filter((post) => post.path === path)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export function accept(response: ServerResponse): void {
  response.writeHead(204).end()
}

/** Takes the post, and never says anything. */
export function hang(): void {}
