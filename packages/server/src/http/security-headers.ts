/**
 * Headers that browsers are guarded by, on every answer of ours. Added in one place, where answers
 * leave (`transports/http.ts`), so that none can be without: errors, refused upgrades, streams.
 */

/** Names and values to the letter. Two are for old browsers, which new ones ignore. */
export const SECURITY_HEADERS = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  // Browsers ignore it where it came without TLS (RFC 6797 §8.1).
  ['Strict-Transport-Security', 'max-age=31536000'],
  ['X-XSS-Protection', '1; mode=block'],
  ['Content-Security-Policy', "default-src 'self'"],
  ['Referrer-Policy', 'strict-origin'],
] as const

/** For an upgrade, whose answer is the runtime's. */
export const UPGRADE_HEADERS = Object.fromEntries(SECURITY_HEADERS)

/** @returns the same answer, with every one of the headers in the place of what it said itself. */
export function secured(answer: Response): Response {
  const { headers } = answer
  for (const [name, value] of SECURITY_HEADERS) headers.set(name, value)
  return answer
}
