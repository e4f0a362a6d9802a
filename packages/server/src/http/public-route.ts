/**
 * What the public listener serves besides upgrades: the Pusher HTTP API, the front page, health.
 */
import type { Route } from '../transports/http.ts'
import type { AdminDeps } from './admin/deps.ts'
import { refusedAnswer } from './answers.ts'
import type { DataPlaneDeps } from './data-plane/deps.ts'
import { type DataQuestion, dataQuestion } from './data-plane/paths.ts'
import type { handleData } from './data-plane/router.ts'
import { type DemoPage, handleDemo } from './demo/demo-page.ts'
import { type ExamplesDeps, handleExamples } from './examples/example-route.ts'
import type { MessageApiDeps } from './messages/deps.ts'
import { type MessagePath, messagePath } from './messages/paths.ts'
import type { handleMessages } from './messages/router.ts'
import type { OauthDeps } from './oauth/deps.ts'
import { isOauthPath } from './oauth/paths.ts'
import type { handleOauth } from './oauth/router.ts'
import type { OwnHosts } from './own-hosts.ts'
import type { PublisherDeps } from './publisher/deps.ts'
import { publishPathQos } from './publisher/paths.ts'
import type { handlePublish } from './publisher/router.ts'
import { handlePusherApi, type PusherApiDeps } from './pusher-api/router.ts'
import type { RequestSource } from './request-source.ts'
import type { RequestTarget } from './target.ts'
import type { TokenServiceDeps } from './token-service/deps.ts'
import { tokenServicePath } from './token-service/paths.ts'
import type { handleTokenService } from './token-service/router.ts'

export interface PublicDeps extends PusherApiDeps {
  readonly admin: AdminDeps
  readonly oauth: OauthDeps
  readonly tokenService: TokenServiceDeps
  readonly publisher: PublisherDeps
  /** Channels with history. */
  readonly messaging: Pick<MessageApiDeps, 'messages'>
  readonly dataPlane: DataPlaneDeps
  /** To which administration and page answer. */
  readonly ownHosts: OwnHosts
  /** Undefined when the demo is off. */
  readonly demo: DemoPage | undefined
  /** Undefined with it, and where there are no examples. */
  readonly examples: ExamplesDeps | undefined
}

export function publicRoute(deps: PublicDeps): Route {
  const oauth = oauthRoute(deps.oauth)
  const tokenService = tokenServiceRoute(deps.tokenService)
  const publisher = publisherRoute(deps.publisher)
  const messages = messageRoute({ ...deps.publisher, messages: deps.messaging.messages })
  const data = dataRoute(deps.dataPlane)
  return (request, target, source) => {
    if (isOauthPath(target.path)) return oauth(request, target, source)
    const path = tokenServicePath(target.path)
    if (path !== undefined) return tokenService(path, request, { target, source })
    const question = dataQuestion(target.path)
    if (question !== undefined) return data(question, request, { target, source })
    const defaultQos = publishPathQos(target.path)
    if (defaultQos !== undefined) return publisher(defaultQos, request, source)
    const ofChannel = messagePath(target.path)
    if (ofChannel !== undefined) return messages(ofChannel, request, { target, source })
    if (target.path.startsWith(`${ADMIN}/`)) {
      if (!isToUs(request, deps)) return refusedHost(deps)
      return administer(request, target, { deps, source })
    }
    const api = handlePusherApi(request, target, { ...deps, source })
    if (api !== undefined) return api
    if (deps.demo !== undefined && isOfPage(request, target)) {
      if (!isToUs(request, deps)) return refusedHost(deps)
      const page = handlePage(request, target, deps)
      if (page !== undefined) return page
    }
    // A page where a browser asks for one, else how the server is (contract WireSocket 8).
    if (target.path === '/' && isRead(request)) return data('health', request, { target, source })
    if (target.path.startsWith('/app/')) return refusedAnswer('path_unknown', UPGRADE_TEXT)
    return refusedAnswer('path_unknown')
  }
}

function isOfPage({ headers }: Request, { path }: RequestTarget): boolean {
  if (path === '/') return headers.get('accept')?.includes('text/html') === true
  return /^\/(?:demo\/|examples(?:\/|$))/.test(path)
}

function handlePage(
  request: Request,
  target: RequestTarget,
  { demo, examples }: PublicDeps,
): Response | Promise<Response> | undefined {
  const page = demo && handleDemo(request, target, demo)
  return page ?? (examples && handleExamples(request, target, examples))
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD'
}

function isToUs({ headers }: Request, { ownHosts }: PublicDeps): boolean {
  return ownHosts.include(headers.get('host'))
}

function refusedHost({ tally }: PublicDeps): Response {
  tally.refused('host_refused')
  return refusedAnswer('host_refused')
}

const ADMIN = '/admin/v1'

/** A revocation that is the first call of a process would wait for it: 90 ms on one core. */
export function loadAdministration() {
  return import('./admin/router.ts')
}

/** The table of operations and its checker are loaded by the first call, not by every start. */
async function administer(
  request: Request,
  target: RequestTarget,
  { deps, source }: { readonly deps: PublicDeps; readonly source: () => RequestSource },
): Promise<Response> {
  const { handleAdmin } = await loadAdministration()
  return handleAdmin(request, target, { deps: deps.admin, source })
}

/** Loaded by the first call as well; from then on without waiting. */
function oauthRoute(deps: OauthDeps): Route {
  let handle: typeof handleOauth | undefined
  return (request, target, source) => {
    if (handle !== undefined) return handle(request, target, { deps, source })
    return import('./oauth/router.ts').then((module) => {
      handle = module.handleOauth
      return handle(request, target, { deps, source })
    })
  }
}

/** The same. @returns takes the path as the token service has it. */
function tokenServiceRoute(deps: TokenServiceDeps) {
  let handle: typeof handleTokenService | undefined
  return (
    path: string,
    request: Request,
    { target, source }: { readonly target: RequestTarget; readonly source: () => RequestSource },
  ) => {
    if (handle !== undefined) return handle(request, target, { deps, source, path })
    return import('./token-service/router.ts').then((module) => {
      handle = module.handleTokenService
      return handle(request, target, { deps, source, path })
    })
  }
}

/** The same. @returns takes the QoS of a message that names none. */
function publisherRoute(deps: PublisherDeps) {
  let handle: typeof handlePublish | undefined
  return (defaultQos: 0 | 1, request: Request, source: () => RequestSource) => {
    const context = { deps, source, defaultQos }
    if (handle !== undefined) return handle(request, context)
    return import('./publisher/router.ts').then((module) => {
      handle = module.handlePublish
      return handle(request, context)
    })
  }
}

/** The same. */
function dataRoute(deps: DataPlaneDeps) {
  let handle: typeof handleData | undefined
  return (
    question: DataQuestion,
    request: Request,
    asked: { readonly target: RequestTarget; readonly source: () => RequestSource },
  ) => {
    const call = { request, ...asked, deps }
    if (handle !== undefined) return handle(question, call)
    return import('./data-plane/router.ts').then((module) => {
      handle = module.handleData
      return handle(question, call)
    })
  }
}

/** The same. @returns takes the path as it was read. */
function messageRoute(deps: MessageApiDeps) {
  let handle: typeof handleMessages | undefined
  return (
    path: MessagePath,
    request: Request,
    { target, source }: { readonly target: RequestTarget; readonly source: () => RequestSource },
  ) => {
    const context = { deps, source, query: target.query }
    if (handle !== undefined) return handle(request, path, context)
    return import('./messages/router.ts').then((module) => {
      handle = module.handleMessages
      return handle(request, path, context)
    })
  }
}

const UPGRADE_TEXT =
  'This is a WebSocket address. Connect with ws:// or wss://, for example pusher-js.'
