/** HTTP calls with full control over path, query, headers and body, over `node:http`. */
import { type Agent, request } from 'node:http'
import type { AppConfig, LiveServer } from './server.ts'
import { type HttpCall, type KeyPair, signedQuery } from './signing.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface SendOptions {
  readonly method: string
  /** Path and query exactly as they go on the wire. */
  readonly target: string
  readonly body?: string | Buffer | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly agent?: Agent
}

/** Sends one request to a base URL and reads the whole answer. */
export function send(base: string, options: SendOptions): Promise<Answer> {
  const { hostname, port } = new URL(base)
  const { method, target, body, agent } = options
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { ...type, ...options.headers }
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { hostname, port, method, path: target, headers, agent },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Sends a properly signed call of the HTTP API. */
export function call(server: LiveServer, pair: KeyPair, options: HttpCall): Promise<Answer> {
  const target = `${options.path}?${signedQuery(pair, options)}`
  return send(server.http, { method: options.method, target, body: options.body })
}

/** POSTs a JSON body to a path below the app. */
export function post(
  server: LiveServer,
  app: AppConfig,
  [path, body]: readonly [path: string, body: unknown],
): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return call(server, app, { method: 'POST', path: `/apps/${app.id}${path}`, body: text })
}

/** GETs a path below the app. */
export function get(
  server: LiveServer,
  app: AppConfig,
  [path, params = {}]: readonly [path: string, params?: Readonly<Record<string, string>>],
): Promise<Answer> {
  return call(server, app, { method: 'GET', path: `/apps/${app.id}${path}`, params })
}

/** Publishes one event and requires success. */
export async function publish(
  server: LiveServer,
  app: AppConfig,
  event: { readonly channel: string; readonly name: string; readonly data: string },
): Promise<void> {
  const answer = await post(server, app, ['/events', event])
  if (answer.status !== 200) throw new Error(`publish: ${answer.status} ${answer.body}`)
}
