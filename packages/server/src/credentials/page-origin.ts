/**
 * Which pages may use the access tokens of an app (contract WireSocket 5): those of its allowed
 * domains, and of its allowed origins where it lists any. Guards browsers only.
 */
import { normalizeAllowedDomain } from '@lockgate/protocol/allowed-domain'
import type { AppRecord } from '../ports/records/app.ts'
import { isOriginAllowed } from './origin-policy.ts'

/**
 * @param origin the Origin header as sent; undefined: whoever asks is no page.
 * @returns whether both lists let it pass; an empty one lets everybody.
 */
export function isPageOf(
  { allowedDomains, settings }: Pick<AppRecord, 'allowedDomains' | 'settings'>,
  origin: string | undefined,
): boolean {
  if (origin === undefined) return true
  if (!isOriginAllowed(settings, origin)) return false
  if (allowedDomains.length === 0) return true
  // An origin is a scheme, a host and a port: the normal form is what is left of it.
  const host = normalizeAllowedDomain(origin)
  return host.ok && allowedDomains.includes(host.value)
}
