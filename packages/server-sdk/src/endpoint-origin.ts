/**
 * Which web pages may use an endpoint that answers by a cookie. Fetch standard, CORS protocol;
 * RFC 6454. A page elsewhere can send a form, but not hide where it is from. Pure.
 */

export interface OriginRules {
  /**
   * Exact `scheme://host[:port]`. Undefined: the endpoint's own origin only, as the request's URL
   * says it; behind a proxy that ends TLS, list the public one.
   */
  readonly allowedOrigins: readonly string[] | undefined
  /** Request headers that pages of other origins may send, lowercase. */
  readonly allowedHeaders: readonly string[]
}

/** What pusher-js and Laravel Echo are configured to send. */
export const ALLOWED_HEADERS = [
  'authorization',
  'content-type',
  'x-csrf-token',
  'x-requested-with',
  'x-xsrf-token',
] as const

const PREFLIGHT_SECONDS = '600'

/** @throws TypeError for an entry that no Origin header equals. */
export function checkRules({ allowedOrigins = [] }: OriginRules): void {
  for (const origin of allowedOrigins) {
    // The URL parser takes a star for a name; no page is at one.
    const isExact = URL.canParse(origin) && new URL(origin).origin === origin
    if (!isExact || origin.includes('*')) {
      throw new TypeError(`allowedOrigins takes scheme://host[:port], not ${origin}`)
    }
  }
}

/** Whether the request may come from where it says it does. */
export function isOriginAllowed(request: Request, { allowedOrigins }: OriginRules): boolean {
  const origin = request.headers.get('origin')
  if (origin !== null) {
    return allowedOrigins === undefined
      ? origin === new URL(request.url).origin
      : allowedOrigins.includes(origin)
  }
  // No browser sends a POST to another site without Origin; programs have neither header.
  const site = request.headers.get('sec-fetch-site')
  return site === null || site === 'same-origin' || site === 'none'
}

/** Headers that let a page of a listed origin read the answer; for the others there are none. */
export function corsHeaders(
  request: Request,
  rules: OriginRules,
): Readonly<Record<string, string>> {
  const origin = request.headers.get('origin')
  if (origin === null || rules.allowedOrigins?.includes(origin) !== true) return {}
  return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }
}

/** The answer to the question a browser asks before a request with headers of its own. */
export function preflight(request: Request, rules: OriginRules): Response {
  const cors = corsHeaders(request, rules)
  if (Object.keys(cors).length === 0) return new Response(null, { status: 403, headers: VARY })
  const headers = {
    ...VARY,
    ...cors,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': rules.allowedHeaders.join(', '),
    'access-control-max-age': PREFLIGHT_SECONDS,
  }
  return new Response(null, { status: 204, headers })
}

const VARY = { vary: 'Origin' } as const
