/**
 * The token service: path and method to endpoint, bodies in, JSON out. Every answer is JSON and has
 * a `Date`, whatever goes wrong: SDKs parse before they look at the status, and trust our clock.
 */
import { readBody } from '../body.ts'
import { tellFailure } from '../failures.ts'
import { type JsonObject, parseJsonBody } from '../json-body.ts'
import { limitHeaders } from '../limit-headers.ts'
import { isMediaType, JSON_TYPE } from '../media-type.ts'
import type { RequestSource } from '../request-source.ts'
import type { RequestTarget } from '../target.ts'
import {
  limitRefusal,
  refusal,
  refusalAnswer,
  serviceAnswer,
  type ServiceRefusal,
} from './answers.ts'
import { addressOf, FOREIGN_ORIGIN } from './callers.ts'
import { answerCreate, answerCreateByHeader, answerLegacyCreate, invalid } from './create.ts'
import { type Answered, refused, type ServiceCall, type TokenServiceDeps } from './deps.ts'
import { answerExchange } from './exchange.ts'
import {
  answerDelete,
  answerIntrospect,
  answerList,
  answerRevoke,
  tokenIdOfPath,
} from './manage.ts'
import { allowCall, mayRead, sharedWith } from './pages.ts'
import { TOKENS } from './paths.ts'
import { answerProviders } from './providers.ts'
import { answerRefresh } from './refresh.ts'

type Endpoint = (call: ServiceCall) => Answered | Promise<Answered>

const ENDPOINTS: ReadonlyMap<string, Readonly<Record<string, Endpoint>>> = new Map([
  ['/v1/create', { POST: answerLegacyCreate }],
  ['/v2/providers', { GET: answerProviders }],
  [TOKENS, { GET: answerList, POST: answerCreateByHeader }],
  [`${TOKENS}/create`, { POST: answerCreate }],
  [`${TOKENS}/exchange`, { POST: answerExchange }],
  [`${TOKENS}/refresh`, { POST: answerRefresh }],
  [`${TOKENS}/revoke`, { POST: answerRevoke }],
  [`${TOKENS}/introspect`, { POST: answerIntrospect }],
])

/** Our bounds: a token of 8 KiB, an `acl` of fifty filters twice, and some room. */
export const BODY_BYTES_MAX = 64 * 1024
const JSON_BOUNDS = { depthMax: 4, memberCountMax: 32 }

export interface ServiceContext {
  readonly deps: TokenServiceDeps
  readonly source: () => RequestSource
  /** As `tokenServicePath` gives it. */
  readonly path: string
}

export async function handleTokenService(
  request: Request,
  { query }: RequestTarget,
  { deps, source, path }: ServiceContext,
): Promise<Response> {
  let appId: string | undefined
  const origin = request.headers.get('origin') ?? undefined
  const concerns = (id: string) => {
    appId = id
    return origin === undefined || mayRead(deps.apps, origin, id)
  }
  const call = {
    request,
    deps,
    source: { ...source(), protocol: 'tokens' },
    body: {},
    query: new URLSearchParams(query),
    concerns,
  }
  const answer = await answerOf(path, call)
  answer.headers.set('date', new Date(deps.clock.nowMs()).toUTCString())
  const isReadable = origin !== undefined && mayRead(deps.apps, origin, appId)
  return sharedWith(isReadable ? origin : undefined, answer)
}

async function answerOf(path: string, call: ServiceCall): Promise<Response> {
  const { deps } = call
  try {
    if (call.request.method === 'OPTIONS') return answerOptions(call)
    const asked = await ask(path, call)
    if (asked.ok) return serviceAnswer(asked.body, askedOf(call))
    if (asked.refused.error === 'rate_limited') deps.tally.refused('rate_limited')
    return refusalAnswer(asked.refused)
  } catch (error) {
    const failed = tellFailure(error, deps)
    if (failed === 'unavailable') return refusalAnswer(UNAVAILABLE)
    return refusalAnswer(refusal('internal', 'The server made a mistake. It is logged.'))
  }
}

/** JSON too: what is no preflight of a page that may call is told so. */
function answerOptions({ request, deps }: ServiceCall): Response {
  const origin = request.headers.get('origin')
  if (origin === null) return serviceAnswer({}, { allow: 'GET, POST, DELETE, OPTIONS' })
  if (mayRead(deps.apps, origin, undefined)) return allowCall(serviceAnswer({}, {}))
  return refusalAnswer(FOREIGN_ORIGIN)
}

async function ask(path: string, call: ServiceCall): Promise<Answered> {
  const { request, deps, source } = call
  const endpoint = endpointOf(path, request.method)
  if ('error' in endpoint) return refused(endpoint)
  // Before anything of a request is read: who asks without end costs a look-up.
  const { refused: limited } = deps.guard.authenticate(addressOf(call), undefined, source)
  if (limited !== undefined) return refused(limitRefusal(limited))
  const origin = request.headers.get('origin')
  if (origin !== null && !mayRead(deps.apps, origin, undefined)) return refused(FOREIGN_ORIGIN)
  if (request.method !== 'POST') return endpoint.answer(call)
  const body = await readJson(request)
  return 'error' in body ? refused(body) : endpoint.answer({ ...call, body: body.value })
}

function endpointOf(path: string, method: string): { readonly answer: Endpoint } | ServiceRefusal {
  const tokenId = tokenIdOfPath(path)
  const methods =
    tokenId === undefined
      ? ENDPOINTS.get(path)
      : { DELETE: (call: ServiceCall) => answerDelete(call, tokenId) }
  if (methods === undefined) return refusal('not_found', 'Nothing is served at this path.')
  const answer = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (answer !== undefined) return { answer }
  const allow = [...Object.keys(methods), 'OPTIONS'].join(', ')
  return refusal('method_not_allowed', 'This path does not take that method.', { allow })
}

async function readJson(
  request: Request,
): Promise<{ readonly value: JsonObject } | ServiceRefusal> {
  if (!isMediaType(request.headers.get('content-type'), JSON_TYPE)) return NO_JSON
  const read = await readBody(request, { bytesMax: BODY_BYTES_MAX })
  if (!read.ok) {
    if (read.refusal === 'body_large') return refusal('body_large', 'The body is too large.')
    if (read.refusal === 'body_slow') return refusal('body_slow', 'The body took too long.')
    return invalid(read.detail)
  }
  const parsed = parseJsonBody(read.value, JSON_BOUNDS)
  return parsed.ok ? { value: parsed.value } : invalid(parsed.detail)
}

/** @returns how much of its limit the address has left. */
function askedOf(call: ServiceCall): Readonly<Record<string, string>> {
  const subject = addressOf(call)
  return limitHeaders(call.deps.guard.readOwn([{ name: 'auth.ip', subject }]))
}

const NO_JSON = refusal('media_type_unsupported', 'Send the body as application/json.')
const UNAVAILABLE = refusal('unavailable', 'Something the server needs failed. Try again.')
