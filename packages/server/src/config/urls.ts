/**
 * Checks a URL of the configuration: absolute, and in the one spelling that every reader of it
 * agrees on. Pure. RFC 3986 §6.2.
 */
import type { Objection } from './problem.ts'
import type { UrlSetting } from './settings.ts'

const URL_CHARACTERS_MAX = 1_024
/** Names of this machine itself; what goes there crosses no network. */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** @returns what is wrong with it; undefined when nothing is. */
export function objectToUrl(text: string, of: UrlSetting['of']): Objection | undefined {
  const example =
    of === 'base' ? 'https://realtime.example.com' : 'https://witness.example.com/checkpoints'
  const next = `use a URL such as \`${example}\``
  if (text.length > URL_CHARACTERS_MAX || !/^https?:\/\/[!-~]+$/.test(text)) {
    return { what: 'this is not an http or https URL', next }
  }
  const url = URL.parse(text)
  if (url === null) return { what: 'this is not an http or https URL', next }
  if (url.username !== '' || url.password !== '') {
    return { what: 'a URL with user and password would be shown', next: 'leave them out' }
  }
  if (text.includes('#')) return { what: 'a fragment (`#`) is never sent', next: 'leave it out' }
  if (of === 'base') {
    if (text.includes('?')) return { what: 'there is a query', next: 'leave it out' }
    if (text.endsWith('/')) return { what: 'there is a slash at the end', next: 'leave it out' }
  } else if (url.protocol === 'http:' && !LOOPBACK.has(url.hostname)) {
    return { what: 'http would carry it in clear text', next: 'use https' }
  }
  if (url.href === text || url.href === `${text}/`) return undefined
  const plain = 'write the host in lowercase, without default port, `.` and `..`'
  return { what: 'this URL has a shorter or plainer spelling', next: plain }
}
