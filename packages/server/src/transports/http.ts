/**
 * Owns `Bun.serve`: binds addresses and turns each request into an upgrade, an answer or a refusal.
 * Bun's parser has already refused what RFC 9112 forbids (smuggling, bare LF, oversized headers).
 * Every answer leaves through here, and with it the headers of `security-headers.ts`.
 */
import type { ProtocolName, Tally } from '../core/tally.ts'
import { refusedAnswer } from '../http/answers.ts'
import { forwardedProto, type TrustedProxies } from '../http/client-address.ts'
import { tellFailure } from '../http/failures.ts'
import { type RequestSource, readSource } from '../http/request-source.ts'
import { secured } from '../http/security-headers.ts'
import { readTarget, type RequestTarget } from '../http/target.ts'
import type { Log } from '../ports/log.ts'
import type { Listener, SocketData } from './socket.ts'
import type { WebSockets } from './websocket.ts'

/**
 * What Bun lets through: any length it can count, because its own refusal says nothing and has no
 * header of ours. It keeps no byte that is not asked for, and `http/body.ts` asks up to its caps.
 */
const BUN_BODY_BYTES_MAX = Number.MAX_SAFE_INTEGER

/**
 * How long Bun waits for the whole of a request, from its beginning and however fast bytes come; it
 * looks every four seconds. Our own handlers answer in milliseconds.
 */
const HTTP_IDLE_SECONDS = 10

/** @param source where the request came from; read when somebody needs it. */
export type Route = (
  request: Request,
  target: RequestTarget,
  source: () => RequestSource,
) => Response | Promise<Response>

export interface ListenOptions {
  readonly address: { readonly hostname: string; readonly port: number }
  /** PEM texts; absent for plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Lets a second listener take the same port over. */
  readonly isShared: boolean
}

export interface HttpDeps {
  readonly route: Route
  /** Absent where no WebSocket is served. */
  readonly webSockets: WebSockets | undefined
  /** The one protocol that WebSockets speak here; left out: every one. */
  readonly only?: ProtocolName
  /** '' or `/x`. */
  readonly pathPrefix: string
  /** Whose word on the client's address counts. */
  readonly trustedProxies: TrustedProxies
  readonly tally: Tally
  readonly log: Log
}

/** @throws whatever the system answers when the address cannot be bound. */
export function listenHttp(options: ListenOptions, deps: HttpDeps): Listener {
  const isTls = options.tls !== undefined
  const nothing = { open: () => {}, message: () => {}, close: () => {} }
  return Bun.serve<SocketData>({
    hostname: options.address.hostname,
    port: options.address.port,
    reusePort: options.isShared,
    idleTimeout: HTTP_IDLE_SECONDS,
    development: false, // Bun's own error page would show source and stack
    maxRequestBodySize: BUN_BODY_BYTES_MAX,
    // Bun serves TLS 1.2 and 1.3 and refuses what is older (ASVS 12.1.1).
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    websocket: deps.webSockets?.handlers() ?? nothing,
    fetch(request, server) {
      const outcome = answer(request, { server, isTls, deps })
      if (outcome === undefined) return undefined
      return outcome instanceof Promise ? outcome.then(securedIfAny) : secured(outcome)
    },
    error: (error) => secured(refusedAnswer(tellFailure(error, deps))),
  })
}

/** Undefined: Bun has taken the socket over. */
function securedIfAny(response: Response | undefined): Response | undefined {
  return response === undefined ? undefined : secured(response)
}

function answer(
  request: Request,
  context: { server: Listener; isTls: boolean; deps: HttpDeps },
): Response | Promise<Response | undefined> | undefined {
  const { deps } = context
  deps.tally.httpRequests++
  if (!hasOneHost(request)) return refusedAnswer('request_malformed')
  const target = readTarget(request.url, deps.pathPrefix)
  const peer = () => context.server.requestIP(request)?.address ?? ''
  let known: RequestSource | undefined
  const source = () => {
    known ??= readSource(request.headers, peer(), deps.trustedProxies)
    return known
  }
  if (deps.webSockets !== undefined && isUpgrade(request)) {
    const upgrade = {
      ...(target ?? readTarget(request.url, '') ?? NOWHERE),
      isUnderPrefix: target !== undefined,
      origin: request.headers.get('origin') ?? undefined,
      subprotocols: listOf(request.headers.get('sec-websocket-protocol')),
      authorization: request.headers.get('authorization') ?? undefined,
      host: request.headers.get('host') ?? '',
      isTls: isOverTls(request, peer, context),
      source,
    }
    const { only } = deps
    const attempt = { request, server: context.server, target: upgrade, only }
    return deps.webSockets.upgrade(attempt)
  }
  if (target === undefined) return refusedAnswer('path_unknown')
  const isTls = isOverTls(request, peer, context)
  return deps.route(request, isTls ? { ...target, isTls } : target, source)
}

/**
 * RFC 9112 §3.2. Bun joins repeated Host headers with a comma. Of one that is no host it makes a
 * URL without any, whose path would seem to begin later than it did for a proxy before us.
 */
function hasOneHost({ headers, url }: Request): boolean {
  return headers.get('host')?.includes(',') === false && /^https?:\/\/[^/]/.test(url)
}

/** How the client came: to a trusted proxy, if one says so, or to us. */
function isOverTls(
  { headers }: Request,
  peer: () => string,
  { isTls, deps }: { readonly isTls: boolean; readonly deps: HttpDeps },
): boolean {
  const header = headers.get('x-forwarded-proto')
  if (header === null) return isTls
  const scheme = forwardedProto(peer(), header, deps.trustedProxies)
  return scheme === undefined ? isTls : scheme === 'https'
}

const NOWHERE = { path: '/', query: '' }

function isUpgrade(request: Request): boolean {
  // RFC 6455 §4.1: the method is GET; anything else is spared the look at its headers.
  return request.method === 'GET' && request.headers.get('upgrade')?.toLowerCase() === 'websocket'
}

function listOf(header: string | null): readonly string[] {
  return header === null ? [] : header.split(',').map((name) => name.trim())
}
