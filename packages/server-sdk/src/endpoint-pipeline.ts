/**
 * What both authorization endpoints do around their question: what can be told before the user is
 * known, the user, the rate limit, and answers that nobody keeps.
 */
import {
  ALLOWED_HEADERS,
  checkRules,
  corsHeaders,
  isOriginAllowed,
  type OriginRules,
  preflight,
} from './endpoint-origin.ts'
import type {
  Endpoint,
  EndpointCall,
  EndpointDecision,
  EndpointOptions,
  EndpointRefusal,
  EndpointUser,
  Peer,
  RateSubject,
} from './endpoint-options.ts'
import { readParameters } from './endpoint-parameters.ts'

const STATUSES: Readonly<Record<EndpointRefusal, number>> = {
  method_not_allowed: 405,
  origin_denied: 403,
  content_type_unsupported: 415,
  body_too_large: 413,
  body_malformed: 400,
  rate_limited: 429,
  socket_id_invalid: 400,
  channel_name_invalid: 400,
  not_authenticated: 403,
  denied: 403,
}

const HEADERS = {
  'content-type': 'application/json',
  // A signature is for one socket of one user: nobody keeps it.
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  vary: 'Origin',
} as const

/** Known by its class: a user of the application may have any field. */
export class Refused {
  readonly refusal: EndpointRefusal
  readonly retryAfterSeconds: number | undefined

  constructor(refusal: EndpointRefusal, retryAfterSeconds?: number) {
    this.refusal = refusal
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Notes what is known so far, for the decision. */
export type Known = (field: 'userId' | 'socketId' | 'channelName', value: string) => string
type Answer = (call: EndpointCall, known: Known) => Promise<object | Refused>

/** @param answer gives what is sent to the client, or why it is not. */
export function endpoint<User extends EndpointUser>(
  options: EndpointOptions<User>,
  answer: Answer,
): Endpoint {
  const { allowedOrigins, allowedHeaders = ALLOWED_HEADERS } = options
  const rules: OriginRules = { allowedOrigins, allowedHeaders }
  checkRules(rules)
  return async (request, peer = {}) => {
    const facts: { userId?: string; socketId?: string; channelName?: string } = {}
    const decide = (decision: Pick<EndpointDecision, 'outcome' | 'code' | 'error'>): void =>
      options.onDecision?.({ ...decision, address: peer.address, ...facts })
    const cors = corsHeaders(request, rules)
    try {
      if (request.method === 'OPTIONS') return preflight(request, rules)
      const call = await opened(options, { request, peer, rules })
      const body =
        call instanceof Refused
          ? call
          : await answer(call, (field, value) => {
              facts[field] = value
              return value
            })
      if (body instanceof Refused) {
        decide({ outcome: 'refused', code: body.refusal })
        return refusalAnswer(body, cors)
      }
      decide({ outcome: 'granted', code: 'granted' })
      return new Response(JSON.stringify(body), { headers: { ...HEADERS, ...cors } })
    } catch (error) {
      // Where nobody listens, the platform has to report it.
      if (options.onDecision === undefined) throw error
      decide({ outcome: 'failed', code: 'failed', error })
      return new Response('{"error":"failed"}', { status: 500, headers: { ...HEADERS, ...cors } })
    }
  }
}

/** Everything that can be told before the user is known, cheapest first. */
async function opened<User extends EndpointUser>(
  options: EndpointOptions<User>,
  { request, peer, rules }: { request: Request; peer: Peer; rules: OriginRules },
): Promise<EndpointCall | Refused> {
  if (request.method !== 'POST') return new Refused('method_not_allowed')
  if (!isOriginAllowed(request, rules)) return new Refused('origin_denied')
  const limited = await limitedBy(options, peer)
  if (limited !== undefined) return limited
  const parameters = await readParameters(request)
  if (!parameters.ok) return new Refused(parameters.refusal)
  return { request, parameters: parameters.value, ...peer }
}

/** Who is asking, once the rate limit of that user allows it. */
export async function authenticated<User extends EndpointUser>(
  options: EndpointOptions<User>,
  call: EndpointCall,
): Promise<User | Refused> {
  const user = await options.authenticate(call)
  if (user === undefined || user === null) return new Refused('not_authenticated')
  return (await limitedBy(options, { address: call.address, user })) ?? user
}

async function limitedBy<User extends EndpointUser>(
  { rateLimit }: EndpointOptions<User>,
  subject: RateSubject<User>,
): Promise<Refused | undefined> {
  const verdict = await rateLimit?.(subject)
  if (verdict === undefined || verdict.isAllowed) return undefined
  return new Refused('rate_limited', verdict.retryAfterSeconds)
}

function refusalAnswer(
  { refusal, retryAfterSeconds }: Refused,
  cors: Readonly<Record<string, string>>,
): Response {
  const headers = new Headers({ ...HEADERS, ...cors })
  if (refusal === 'method_not_allowed') headers.set('allow', 'POST, OPTIONS')
  if (retryAfterSeconds !== undefined) {
    headers.set('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds))))
  }
  const body = JSON.stringify({ error: refusal })
  return new Response(body, { status: STATUSES[refusal], headers })
}
