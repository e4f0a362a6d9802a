/**
 * Which pages may call the token service and read its answers (Fetch §3.2): those of the origins an
 * app allows to connect, as they are its clients. A preflight names no app, so it is answered where
 * any app allows the origin; what is told then is decided by the app the call is about. Never with
 * credentials: we take no cookie.
 */
import type { AppDirectory } from '../../credentials/app-directory.ts'
import { isOriginAllowed } from '../../credentials/origin-policy.ts'

/** How long a browser may keep what it was told: short, so that a changed list holds soon. */
const PREFLIGHT_SECONDS = '60'
const METHODS = 'GET, POST, DELETE, PATCH, OPTIONS'
const HEADERS = 'Authorization, Content-Type, X-API-Key'
const READABLE = 'Retry-After, RateLimit, RateLimit-Policy, Date'

/**
 * @param appId the app the call is about; undefined where it got to none.
 * @returns whether a page of this origin may read the answer.
 */
export function mayRead(apps: AppDirectory, origin: string, appId: string | undefined): boolean {
  if (appId !== undefined) {
    const loaded = apps.findById(appId)
    return loaded !== undefined && isOriginAllowed(loaded.app.settings, origin)
  }
  return apps.isOriginKnown(origin)
}

/** @returns the same answer, which the page may read where `isAllowed`. */
export function sharedWith(origin: string | undefined, answer: Response): Response {
  // A cache must not give one origin what was made for another.
  answer.headers.append('vary', 'Origin')
  if (origin === undefined) return answer
  answer.headers.set('access-control-allow-origin', origin)
  answer.headers.set('access-control-expose-headers', READABLE)
  return answer
}

/** What a browser asks before it sends JSON (Fetch §4.8). */
export function allowCall(answer: Response): Response {
  answer.headers.set('access-control-allow-methods', METHODS)
  answer.headers.set('access-control-allow-headers', HEADERS)
  answer.headers.set('access-control-max-age', PREFLIGHT_SECONDS)
  return answer
}
