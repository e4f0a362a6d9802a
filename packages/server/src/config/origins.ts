/**
 * Checks the entries of `allowedOrigins`: only what a browser can really send. Pure. RFC 6454 §6.
 */
import type { Objection } from './problem.ts'

const SCHEME = '[a-z][a-z0-9+.-]{0,30}'
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const EXACT = new RegExp(
  `^${SCHEME}://(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-f:.]{2,45}\\])(:\\d{1,5})?$`,
)
/** At least two labels after the star: one label would be a whole top-level domain. */
const WILDCARD = new RegExp(`^https://\\*\\.${LABEL}(?:\\.${LABEL})+$`)
const DEFAULT_PORT = /^(?:http:.*:80|https:.*:443)$/
const CHARACTERS_MAX = 300

const EXAMPLE = 'use `https://app.example.com`, with a port if it is not the default'

/** @returns what is wrong with it; undefined when a browser can send it. */
export function objectToOrigin(entry: unknown): Objection | undefined {
  if (entry === '*') {
    const next = 'leave the list empty and set `dangerousAnyOrigin: true` if that is really meant'
    return { what: '`*` is not an origin', next }
  }
  if (entry === 'null' || entry === null) {
    const next = 'serve the page from an origin of its own; any sandboxed page sends `null`'
    return { what: '`null` is not an origin that can be trusted', next }
  }
  if (typeof entry !== 'string') return { what: 'this is not text', next: EXAMPLE }
  if (entry.length > CHARACTERS_MAX) return { what: 'this is too long', next: EXAMPLE }
  if (entry.includes('*')) {
    if (WILDCARD.test(entry)) return undefined
    const next = 'use `https://*.example.com`: https, one star, a domain of two labels or more'
    return { what: 'the star is in the wrong place', next }
  }
  const port = EXACT.exec(entry)?.[1]
  if (DEFAULT_PORT.test(entry)) {
    return { what: 'browsers leave the default port out', next: 'remove the port' }
  }
  if (EXACT.test(entry) && Number(port?.slice(1) ?? 1) <= 65_535) return undefined
  if (entry !== entry.toLowerCase()) {
    return { what: 'origins are lowercase', next: 'write it in lowercase' }
  }
  if (/^[^/]*:\/\/[^/]+\//.test(entry)) {
    return { what: 'an origin has no path and no slash at the end', next: 'remove them' }
  }
  return { what: 'this is not an origin', next: EXAMPLE }
}
