/**
 * The Pusher HTTP API: path and method to operation. Contract 1G. A call is bounded, read and then
 * authenticated and done; who sends much is known before it is kept. Only operations answer
 * differently for different apps.
 */
import { isUserId } from '@lockgate/protocol/pusher/channel-name'
import { ok, refuse } from '@lockgate/protocol/result'
import { authorize } from '../../core/acl.ts'
import type { Hub } from '../../core/hub.ts'
import type { Limited, LimitRefusal } from '../../core/limits/limit-refusal.ts'
import type { RefusalCode } from '../../core/refusals.ts'
import type { Tally } from '../../core/tally.ts'
import { jsonAnswer, limitedAnswer, refusedAnswer } from '../answers.ts'
import { bearerToken } from '../bearer-header.ts'
import { BODY_BYTES_MAX, mayExceed, readBody, STRANGER_BODY_BYTES_MAX } from '../body.ts'
import { isPreflight, preflightAnswer, readableBy } from '../cors.ts'
import { isMediaType, JSON_TYPE } from '../media-type.ts'
import type { RequestSource } from '../request-source.ts'
import type { RequestTarget } from '../target.ts'
import {
  type AuthenticateDeps,
  type AuthenticatedCall,
  authenticate,
  authenticateBearer,
  authenticateHead,
} from './authenticate.ts'
import { type CallCharges, callCharges, type ChargingDeps, failedCall } from './charging.ts'
import { listChannels, listUsers, readChannel } from './channels.ts'
import { publishBatch, publishEvent } from './events.ts'

export interface PusherApiDeps extends AuthenticateDeps, ChargingDeps {
  readonly hub: Hub
  readonly tally: Tally
  /**
   * Of what was just published in an app: when its webhooks are durable; undefined where nothing
   * has to be waited for. @throws Outage
   */
  readonly settle: (appId: string) => Promise<void> | undefined
}

type Operation =
  | { readonly name: 'events' | 'batch_events' | 'channels' }
  | { readonly name: 'channel' | 'users'; readonly channel: string }
  | { readonly name: 'terminate'; readonly userId: string }

interface Route {
  readonly appId: string
  readonly method: 'GET' | 'POST'
  readonly operation: Operation
}

const PATH = /^\/apps\/([A-Za-z0-9_-]{1,64})\/(.+)$/
const CHANNEL = /^channels\/([^/]{1,600})(\/users)?$/
const TERMINATE = /^users\/([^/]{1,400})\/terminate_connections$/

/** @returns undefined when the path is not of this API. */
export function handlePusherApi(
  request: Request,
  target: RequestTarget,
  deps: PusherApiDeps & { readonly source: () => RequestSource },
): Promise<Response> | Response | undefined {
  if (!target.path.startsWith('/apps/')) return undefined
  const route = findRoute(target.path)
  const app = route === undefined ? undefined : deps.directory.findById(route.appId)?.app
  if (isPreflight(request)) return preflightAnswer(request, app)
  const forPages = (each: Response) => readableBy(app, request, each)
  if (route === undefined) {
    return forPages(refusedAnswer('path_unknown', 'The HTTP API has no such path.'))
  }
  if (request.method !== route.method) {
    return forPages(refusedAnswer('method_unknown', undefined, { allow: route.method }))
  }
  return answer(request, { target, route, deps }).then(forPages)
}

async function answer(
  request: Request,
  call: {
    target: RequestTarget
    route: Route
    deps: PusherApiDeps & { readonly source: () => RequestSource }
  },
): Promise<Response> {
  const { target, route, deps } = call
  const { source } = deps
  const type = request.headers.get('content-type')
  // Pusher's libraries name it; a call without one is signed or has a token all the same.
  if (type !== null && !isMediaType(type, JSON_TYPE)) {
    return refused('media_type_unsupported', undefined, deps)
  }
  const head = { ...target, appId: route.appId, method: route.method, source }
  const token = bearerToken(request.headers)
  if (mayExceed(request, STRANGER_BODY_BYTES_MAX)) {
    const known =
      token === undefined
        ? authenticateHead(head, deps)
        : await authenticateBearer(token, head, deps)
    if (!known.ok) return unknownCaller(known.refusal, target, deps)
  }
  const body = await readBody(request, { bytesMax: bodyBytesMax(route) })
  if (!body.ok) return refused(body.refusal, body.detail, deps)
  // Again where it was asked before: what ended while the body came has ended.
  const authenticated =
    token === undefined
      ? authenticate({ ...head, body: body.value }, deps)
      : await authenticateBearer(token, head, deps)
  if (!authenticated.ok) return unknownCaller(authenticated.refusal, target, deps)
  const charges = callCharges(authenticated.value, source, deps)
  const input = { deps, body: body.value, charges }
  const outcome = operate(route.operation, authenticated.value, input)
  if (outcome.ok) {
    await deps.settle(route.appId)
    return jsonAnswer(outcome.value, 200, isPublishing(route) ? charges.headers() : {})
  }
  if ('reading' in outcome) return limitedRefusal(outcome, deps)
  if (outcome.refusal === 'operation_denied') {
    const { loaded, caller } = authenticated.value
    const named = { ...caller, name: route.operation.name }
    const denied = { action: 'auth.denied', reason: outcome.refusal, target: named } as const
    deps.recordDenial({ ...denied, source: { ...source(), protocol: 'http' } }, loaded.app)
  }
  return refused(outcome.refusal, outcome.detail, deps)
}

/** Nobody vouched for the call, or nobody who may make it. */
function unknownCaller(
  refusal: RefusalCode,
  target: RequestTarget,
  deps: PusherApiDeps & { readonly source: () => RequestSource },
): Response {
  const limited = failedCall(refusal, deps.source, deps)
  if (limited !== undefined) return limitedRefusal(limited, deps)
  deps.tally.refused(refusal)
  // Behind a proxy that rewrites paths this header is what makes the mistake visible.
  const headers = { 'lockgate-signed-path': target.fullPath }
  const detail = refusal === 'unauthenticated' ? SIGNING_TEXT : undefined
  return refusedAnswer(refusal, detail, headers)
}

function operate(
  operation: Operation,
  call: AuthenticatedCall,
  input: {
    readonly deps: PusherApiDeps
    readonly body: Uint8Array
    readonly charges: CallCharges
  },
): Limited<string> {
  const { hub, clock } = input.deps
  const { principal, query } = call
  const space = hub.space(call.loaded.app)
  const { charge } = input.charges
  const context = { hub, space, principal, query, nowMs: clock.nowMs(), charge }
  switch (operation.name) {
    case 'events':
      return publishEvent(input.body, context)
    case 'batch_events':
      return publishBatch(input.body, context)
    case 'channels':
      return listChannels(context)
    case 'channel':
      return readChannel(operation.channel, context)
    case 'users':
      return listUsers(operation.channel, context)
    case 'terminate': {
      const allowed = authorize(principal, 'terminate', undefined)
      if (!allowed.ok) return allowed
      if (!isUserId(operation.userId)) return refuse('user_id_invalid')
      hub.terminateUser(space, operation.userId)
      return ok('{}')
    }
    default:
      return operation satisfies never
  }
}

function findRoute(path: string): Route | undefined {
  const [, appId, rest] = PATH.exec(path) ?? []
  if (appId === undefined || rest === undefined) return undefined
  if (rest === 'events' || rest === 'batch_events') {
    return { appId, method: 'POST', operation: { name: rest } }
  }
  if (rest === 'channels') return { appId, method: 'GET', operation: { name: 'channels' } }
  const [isChannel, channelText, users] = CHANNEL.exec(rest) ?? []
  if (isChannel !== undefined) {
    const channel = decodeSegment(channelText)
    if (channel === undefined) return undefined
    const name = users === undefined ? 'channel' : 'users'
    return { appId, method: 'GET', operation: { name, channel } }
  }
  const userId = decodeSegment(TERMINATE.exec(rest)?.[1])
  if (userId === undefined) return undefined
  return { appId, method: 'POST', operation: { name: 'terminate', userId } }
}

/** Decoded after the split and only for look-up: the signature covers the raw path. */
function decodeSegment(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function bodyBytesMax({ operation }: Route): number {
  return operation.name === 'batch_events' ? BODY_BYTES_MAX.batch : BODY_BYTES_MAX.event
}

function refused(refusal: RefusalCode, detail: string | undefined, deps: PusherApiDeps): Response {
  deps.tally.refused(refusal)
  return refusedAnswer(refusal, detail)
}

function limitedRefusal(limited: LimitRefusal, { tally }: PusherApiDeps): Response {
  tally.refused(limited.refusal)
  return limitedAnswer(limited)
}

function isPublishing({ operation: { name } }: Route): boolean {
  return name === 'events' || name === 'batch_events'
}

const SIGNING_TEXT =
  'The signature of this request does not hold. Check app id, key, secret and clock, and that ' +
  'the path in the lockgate-signed-path header is the one you signed.'
