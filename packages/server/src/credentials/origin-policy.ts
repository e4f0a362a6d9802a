/**
 * Which pages may connect to an app. Decided before the upgrade. Origins guard browsers only: other
 * clients send what they like, so this never replaces a signature.
 */
import type { AppSettings } from '../ports/records/app.ts'

const WILDCARD = '://*.'

/** What may stand for the star: labels of a host name, so no port, path, user or second host. */
const HOST_LABELS = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/
/** Our bound: the longest host (RFC 1035 §2.3.4) with scheme and port; checked before matching. */
const ORIGIN_LENGTH_MAX = 300

/**
 * @param origin the Origin header as sent, undefined when there is none.
 * @returns whether a connection from that origin may go on. `null` must be listed to pass.
 */
export function isOriginAllowed(settings: AppSettings, origin: string | undefined): boolean {
  if (settings.allowedOrigins.length === 0 || settings.dangerousAnyOrigin) return true
  if (origin === undefined) return settings.missingOrigin === 'allow'
  return isOriginListed(settings, origin)
}

/** Whether the app names the origin; where it names none, it lists none. */
export function isOriginListed(
  { allowedOrigins }: Pick<AppSettings, 'allowedOrigins'>,
  origin: string,
): boolean {
  if (origin.length > ORIGIN_LENGTH_MAX) return false
  const given = origin.toLowerCase()
  return allowedOrigins.some((allowed) => matches(allowed, given))
}

/**
 * `https://*.example.com` takes any host that ends at that label boundary, never the bare domain.
 */
function matches(allowed: string, given: string): boolean {
  const star = allowed.indexOf(WILDCARD)
  if (star < 0) return allowed === given
  const scheme = allowed.slice(0, star + 3)
  const suffix = allowed.slice(star + WILDCARD.length - 1)
  if (!given.startsWith(scheme) || !given.endsWith(suffix)) return false
  return HOST_LABELS.test(given.slice(scheme.length, -suffix.length))
}
