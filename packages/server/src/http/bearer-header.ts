/** The Authorization header of RFC 6750 §2.1. */

/** @returns what stands after `Bearer `; undefined for any other header. */
export function bearerToken(headers: Headers): string | undefined {
  const header = headers.get('authorization')
  // The scheme is case-insensitive (RFC 9110 §11.1).
  if (header === null || header.slice(0, BEARER.length).toLowerCase() !== BEARER) return undefined
  return header.slice(BEARER.length).trim()
}

const BEARER = 'bearer '
