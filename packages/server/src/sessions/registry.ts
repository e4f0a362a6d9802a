/**
 * The protocols that WebSocket clients can speak, and which of them an upgrade request speaks:
 * decision 12, docs/adr/0033. Decided by the form of the request alone, before anybody is asked who
 * it is, so that no credential is ever tried at two doors. A new protocol is one more entry here.
 */
import type { ProtocolName } from '../core/tally.ts'
import { API_SCOPE } from '../credentials/tokens/scope.ts'
import { peekToken } from '../credentials/tokens/peek.ts'
import type { Random } from '../ports/random.ts'
import type { MqttDeps } from './mqtt/mqtt-deps.ts'
import { mqttWebSockets } from './mqtt/protocol.ts'
import { pusherProtocol } from './pusher/admission.ts'
import type { PusherDeps } from './pusher/session.ts'
import type { Admission, UpgradeRequest, WebSocketProtocol } from './session.ts'
import { wsocketProtocol } from './wsocket/admission.ts'
import type { WSocketDeps } from './wsocket/wsocket-deps.ts'
import { yjsProtocol } from './yjs/admission.ts'
import type { YjsDeps } from './yjs/yjs-deps.ts'

export type ProtocolDeps = PusherDeps & {
  readonly random: Random
  readonly mqtt: MqttDeps
  readonly wsocket: WSocketDeps
  readonly yjs: YjsDeps
}

/** Those that are served; the others are as if there were none. */
export type Protocols = Readonly<Partial<Record<ProtocolName, WebSocketProtocol>>>

export function webSocketProtocols(deps: ProtocolDeps): Protocols {
  return {
    mqtt: mqttWebSockets(deps.mqtt),
    pusher: pusherProtocol(deps),
    wsocket: wsocketProtocol(deps.wsocket),
    yjs: yjsProtocol(deps.yjs),
  }
}

export interface Routed {
  /** Undefined: the request is refused because it says none. */
  readonly protocol: ProtocolName | undefined
  readonly admission: Admission | Promise<Admission>
}

export interface UpgradeRouter {
  /** The largest frame that any admission of any protocol may name; 0: none does. */
  readonly frameBytesMax: number
  /**
   * @param only all that is spoken on this listener; undefined: every protocol.
   * @returns undefined when no protocol knows the request.
   */
  admit(request: UpgradeRequest, only: ProtocolName | undefined): Routed | undefined
}

/** @param documentPrefixes `/x`, without a slash at the end: below them are documents alone. */
export function upgradeRouter(
  protocols: Protocols,
  documentPrefixes: readonly string[],
): UpgradeRouter {
  const served = Object.values(protocols)
  const names = Object.keys(HELP).filter((name) => name in protocols) as ProtocolName[]
  const admitTo = (name: ProtocolName, request: UpgradeRequest): Routed | undefined => {
    const admission = protocols[name]?.admit(request)
    return admission && { protocol: name, admission }
  }
  return {
    frameBytesMax: Math.max(0, ...served.map(({ frameBytesMax = 0 }) => frameBytesMax)),
    admit(request, only) {
      if (only !== undefined) {
        const own = only === 'yjs' ? underPrefix(request, documentPrefixes) : request
        return admitTo(only, own) ?? unsaid([only])
      }
      const name = protocolOf(request, documentPrefixes)
      if (name === undefined) return undefined
      return name === 'unsaid' ? unsaid(names) : admitTo(name, request)
    },
  }
}

/** Contract 1A.1: whatever is below it belongs to Pusher, so no document is called `app`. */
const PUSHER_PATH = /^\/app(?:\/|$)/
/** A Pusher client under a wrong prefix, which would otherwise try for ever. */
const MISPLACED_PUSHER_PATH = /\/app\/[^/]+\/?$/
/** Contract WireSocket 5: what an editor offers beside its token. */
const DOCUMENT_SUBPROTOCOLS = ['access_token', 'Bearer']
/** Contract WireSocket 5: a document, and once more where a provider appended it to a full URL. */
const DOCUMENT_SEGMENTS_MAX = 2

/**
 * The order, from what says most to what says least: a subprotocol, a path, what is shown.
 * @returns `unsaid`: nothing of the request says what it speaks; undefined: nothing is there.
 */
export function protocolOf(
  request: UpgradeRequest,
  documentPrefixes: readonly string[],
): ProtocolName | 'unsaid' | undefined {
  const { path, subprotocols, isUnderPrefix } = request
  // MQTT 5 §6: any path will do.
  if (subprotocols.includes('mqtt')) return 'mqtt'
  const isMisplaced = MISPLACED_PUSHER_PATH.test(path)
  if (!isUnderPrefix) return isMisplaced ? 'pusher' : undefined
  if (PUSHER_PATH.test(path)) return 'pusher'
  if (subprotocols.some((name) => DOCUMENT_SUBPROTOCOLS.includes(name))) return 'yjs'
  if (documentPrefixes.some((prefix) => isBelow(path, prefix))) return 'yjs'
  const segmentCount = path.split('/').filter((segment) => segment !== '').length
  if (segmentCount === 0) return protocolAtRoot(request)
  if (segmentCount <= DOCUMENT_SEGMENTS_MAX) return 'yjs'
  return isMisplaced ? 'pusher' : undefined
}

/** Contracts wSocket 1 and WireSocket 13. A key says whose app it is, which only wSocket asks. */
function protocolAtRoot({ query, authorization }: UpgradeRequest): ProtocolName | 'unsaid' {
  const parameters = new URLSearchParams(query)
  if (parameters.has('key')) return 'wsocket'
  const token = parameters.get('token')
  // A JWT has no slash: y-websocket appended the document to a URL that ends in a token.
  if (token !== null) return token.includes('/') || isForDocuments(token) ? 'yjs' : 'wsocket'
  if (parameters.has('access_token')) return 'yjs'
  const bearer = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  return bearer !== undefined && isForDocuments(bearer) ? 'yjs' : 'unsaid'
}

/** What it says is not verified: it chooses the door, and the door does not believe it. */
function isForDocuments(token: string): boolean {
  const audience = peekToken(token)?.claims['aud']
  return audience === API_SCOPE || (Array.isArray(audience) && audience.includes(API_SCOPE))
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}

/** On a listener of its own the root is what a prefix is elsewhere. */
function underPrefix(request: UpgradeRequest, prefixes: readonly string[]): UpgradeRequest {
  const [prefix] = prefixes
  return prefix !== undefined && /^\/*$/.test(request.path) ? { ...request, path: prefix } : request
}

/** What a client of each has to send, told to one that sent nothing of it. */
const HELP = {
  pusher: 'Pusher: /app/{key}?protocol=7',
  wsocket: 'wSocket: /?key={key} or /?token={token}',
  yjs: 'Yjs: /{document}, with a token or to sign in later',
  mqtt: 'MQTT: the subprotocol mqtt',
} as const satisfies Record<ProtocolName, string>

function unsaid(names: readonly ProtocolName[]): Routed {
  const detail = `Say what you speak. ${names.map((name) => HELP[name]).join('. ')}.`
  const admission = { kind: 'refused_http', refusal: 'request_malformed', detail } as const
  return { protocol: undefined, admission }
}
