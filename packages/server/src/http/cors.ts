/**
 * Which pages may read an answer (Fetch §3.2): those of the origins an app lists, each by its name.
 * An app without a list has none, whoever may connect to it. Never with credentials: we take no
 * cookie, and a page sends its token itself.
 */
import { isOriginListed } from '../credentials/origin-policy.ts'
import type { AppRecord } from '../ports/records/app.ts'
import { refusedAnswer } from './answers.ts'

/** How long a browser may keep what it was told: short, so that a changed list holds soon. */
const PREFLIGHT_SECONDS = 60
const METHODS = 'GET, POST'
const HEADERS = 'Authorization, Content-Type'
/** Besides those that every page may read. */
const READABLE = 'Retry-After, RateLimit, RateLimit-Policy'

/** Whether a browser asks before it sends the request itself. */
export function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && headers.has('origin') && headers.has(ASKED)
}

/**
 * @param app undefined where there is none: told as an app is that does not list the origin.
 * @returns what a browser has to know before it sends a request with a token.
 */
export function preflightAnswer(request: Request, app: AppRecord | undefined): Response {
  const origin = listedOrigin(request, app)
  if (origin === undefined) return varied(refusedAnswer('origin_refused'))
  const headers = {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  }
  return varied(new Response(null, { status: 204, headers }))
}

/** @returns the same answer, which pages of the app may read. */
export function readableBy(
  app: AppRecord | undefined,
  request: Request,
  answer: Response,
): Response {
  const origin = listedOrigin(request, app)
  if (origin !== undefined) {
    answer.headers.set('access-control-allow-origin', origin)
    answer.headers.set('access-control-expose-headers', READABLE)
  }
  return varied(answer)
}

/** The origin as it was sent, where the app lists it. */
function listedOrigin({ headers }: Request, app: AppRecord | undefined): string | undefined {
  const origin = headers.get('origin')
  if (origin === null || app === undefined) return undefined
  return isOriginListed(app.settings, origin) ? origin : undefined
}

/** A cache must not give one origin what was made for another. */
function varied(answer: Response): Response {
  answer.headers.append('vary', 'Origin')
  return answer
}

const ASKED = 'access-control-request-method'
