/**
 * Which pages may read the answers of the data plane (Fetch §3.2). They are asked with a token that
 * a page has and sends itself: we take no cookie. A token is refused on pages that may not use it,
 * so what is answered to one may be read; and no refusal says anything of an app.
 */

/** How long a browser may keep what it was told: short, so that a change is seen soon. */
const PREFLIGHT_SECONDS = 60
const HEADERS = 'Authorization'
/** Besides those that every page may read. */
const READABLE = 'Retry-After, RateLimit, RateLimit-Policy'

/** What a browser asks before it sends a token in a header (Fetch §4.8): it may read. */
export function preflightAnswer(methods: string): Response {
  const headers = {
    'access-control-allow-methods': methods,
    'access-control-allow-headers': HEADERS,
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    allow: methods,
  }
  return new Response(null, { status: 204, headers })
}

/** @returns the same answer, which the page that asked may read. */
export function readableByPage({ headers }: Request, answer: Response): Response {
  // A cache must not give one origin what was made for another.
  answer.headers.append('vary', 'Origin')
  const origin = headers.get('origin')
  if (origin === null) return answer
  answer.headers.set('access-control-allow-origin', origin)
  answer.headers.set('access-control-expose-headers', READABLE)
  return answer
}
