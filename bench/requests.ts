/** Tokens over HTTP: one request in flight on each keep-alive connection, every answer checked. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate, type PublishResult } from './generator.ts'
import { contentionOf, perItem, type Reading, type Settings } from './measure.ts'
import { CLIENT, type Server } from './servers.ts'

const CONNECTION_COUNT = 32
const PATH = '/connect/token'

/** Access tokens for client credentials, without a refresh token. */
export function measureTokens(server: Server, settings: Settings): Promise<Reading> {
  return measurePosts(server, settings, { first: purchase('WireSocket.API') })
}

/** On each connection a family that is started once and then refreshed again and again. */
export function measureRefreshes(server: Server, settings: Settings): Promise<Reading> {
  return measurePosts(server, settings, {
    first: purchase('WireSocket.API offline_access'),
    next: requestText(PATH, {
      grant_type: 'refresh_token',
      client_id: CLIENT.id,
      refresh_token: '{refresh_token}',
    }),
  })
}

async function measurePosts(
  server: Server,
  settings: Settings,
  texts: { readonly first: string; readonly next?: string },
): Promise<Reading> {
  const isOurs = server.protocol === 'pusher'
  const file = (name: string, text: string) => writeRequest(settings, name, text)
  const next =
    isOurs && texts.next !== undefined ? { next: file('next.request', texts.next) } : undefined
  const { traffic, requests, latencyUs } = await generate<PublishResult>({
    program: settings.programs.load,
    mode: 'post',
    options: {
      port: server.port,
      pid: server.pid,
      count: CONNECTION_COUNT,
      request: file('first.request', texts.first),
      ...next,
      expect: isOurs ? '"access_token":"' : '{}',
      warmup: settings.warmupSeconds,
      seconds: settings.seconds,
    },
  })
  return {
    values: { ...perItem(traffic, requests), p50Us: latencyUs.p50, p99Us: latencyUs.p99 },
    ...contentionOf(traffic),
  }
}

/** A file, not a word of the command line, where every user of the machine could read a secret. */
export function writeRequest({ installation }: Settings, name: string, text: string): string {
  const path = join(installation.folder, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** @returns a POST without its Content-Length, which the generator adds. */
export function requestText(
  path: string,
  body: Readonly<Record<string, unknown>>,
  headers: readonly string[] = [],
): string {
  const lines = [`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Content-Type: application/json']
  return [...lines, ...headers, '', JSON.stringify(body)].join('\r\n')
}

function purchase(scope: string): string {
  const grant = { grant_type: 'client_credentials', scope }
  return requestText(PATH, { ...grant, client_id: CLIENT.id, client_secret: CLIENT.secret })
}
