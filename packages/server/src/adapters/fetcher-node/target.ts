/**
 * Where a URL leads: its text and every address its name resolves to are judged before anything is
 * connected to (OWASP SSRF).
 */
import { isIP } from 'node:net'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import type { FetchRefusal } from '../../ports/fetcher.ts'
import type { AddressPolicy } from './address-policy.ts'

const URL_CHARACTERS_MAX = 2_048
/** A name with more addresses is no ordinary host. */
const ADDRESS_COUNT_MAX = 32

/** @returns all addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

/** The parser also turns every odd spelling of an address into the plain one: `0x7f.1`, `017.1`. */
export function readUrl(text: string): URL | undefined {
  if (text.length > URL_CHARACTERS_MAX || !/^https?:\/\/[!-~]+$/.test(text)) return undefined
  const url = URL.parse(text)
  return url === null || url.username !== '' || url.password !== '' ? undefined : url
}

export async function addressesOf({ hostname }: URL, resolve: Resolve): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, '')
  return isIP(host) === 0 ? resolve(host) : [host]
}

/**
 * By the hosts file and name servers, without a thread. `node:dns` asks on a pool of threads, as
 * many as there are processors: a customer with four names whose servers say nothing would hold up
 * every name for as long as he likes.
 */
export async function resolveName(hostname: string): Promise<readonly string[]> {
  const found = await Bun.dns.lookup(hostname, { backend: 'c-ares' })
  return found.map(({ address }) => address)
}

export function judge(
  url: URL,
  addresses: readonly string[],
  policy: AddressPolicy,
): Result<true, FetchRefusal> {
  if (addresses.length === 0 || addresses.length > ADDRESS_COUNT_MAX) {
    return refuse('address_refused')
  }
  const verdicts = new Set(addresses.map((address) => policy.judge(address)))
  // A name that is public and private at once is how a filter is walked around.
  if (verdicts.has('refused')) return refuse('address_refused')
  return url.protocol === 'http:' && verdicts.has('public') ? refuse('url_refused') : ok(true)
}

/** Nothing is waited for longer, whether or not it can be stopped: a look-up cannot. */
export function beforeEnd<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('aborted'))
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}
