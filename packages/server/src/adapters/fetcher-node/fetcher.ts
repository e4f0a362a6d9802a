/** Calls outside: URL and addresses are judged first, then one bounded exchange follows. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { ok, type Result, refuse } from '@lockgate/protocol/result'
import {
  FETCH_TIME_MS_MAX,
  FETCHED_BYTES_MAX,
  type FetchedAnswer,
  type Fetcher,
  FETCHES_IN_FLIGHT_MAX,
  type FetchRefusal,
} from '../../ports/fetcher.ts'
import { Outage } from '../../ports/outage.ts'
import { AddressPolicy } from './address-policy.ts'
import { type Exchange, exchange } from './exchange.ts'

const URL_CHARACTERS_MAX = 2_048
/** A name with more addresses is no ordinary host. */
const ADDRESS_COUNT_MAX = 32
const RETRY_AFTER_MS = 5_000

export interface FetcherOptions {
  /** Networks inside that may be called all the same, over plain http too: addresses and CIDR. */
  readonly allowedNetworks: readonly string[]
  /** @returns all addresses of a name; judged like everything else. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>
  /** PEM, trusted in place of what the system trusts. */
  readonly trustedCertificates?: string | undefined
  readonly timeMsMax?: number
  readonly bytesMax?: number
}

type Order = Pick<Exchange, 'method' | 'headers' | 'body'>
type Answer = Result<FetchedAnswer, FetchRefusal>

export function createNodeFetcher(options: FetcherOptions): Fetcher {
  const policy = new AddressPolicy(options.allowedNetworks)
  const resolve = options.resolve ?? resolveName
  let inFlightCount = 0
  const call = async (text: string, order: Order): Promise<Answer> => {
    const url = readUrl(text)
    if (url === undefined) return refuse('url_refused')
    if (inFlightCount >= FETCHES_IN_FLIGHT_MAX) throw outage(url, 'too many calls at a time')
    inFlightCount++
    const signal = AbortSignal.timeout(options.timeMsMax ?? FETCH_TIME_MS_MAX)
    try {
      const found = await beforeEnd(addressesOf(url, resolve), signal)
      const judged = judge(url, found, policy)
      if (!judged.ok) return judged
      const bytesMax = options.bytesMax ?? FETCHED_BYTES_MAX
      const { trustedCertificates } = options
      const rest = { url, addresses: found, signal, bytesMax, trustedCertificates }
      return await beforeEnd(exchange({ ...order, ...rest }), signal)
    } catch (error) {
      throw outage(url, signal.aborted ? 'it takes too long' : reasonOf(error), error)
    } finally {
      inFlightCount--
    }
  }
  return {
    get: (url) => call(url, { method: 'GET', headers: {}, body: undefined }),
    async post(url, { body, contentType, headers }) {
      const answer = await call(url, {
        method: 'POST',
        body,
        headers: {
          ...headers,
          'content-type': contentType,
          'content-length': String(Buffer.byteLength(body)),
        },
      })
      return answer.ok ? ok({ status: answer.value.status }) : answer
    },
  }
}

/** The parser also turns every odd spelling of an address into the plain one: `0x7f.1`, `017.1`. */
function readUrl(text: string): URL | undefined {
  if (text.length > URL_CHARACTERS_MAX || !/^https?:\/\/[!-~]+$/.test(text)) return undefined
  const url = URL.parse(text)
  return url === null || url.username !== '' || url.password !== '' ? undefined : url
}

async function addressesOf(
  { hostname }: URL,
  resolve: (hostname: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, '')
  return isIP(host) === 0 ? resolve(host) : [host]
}

async function resolveName(hostname: string): Promise<readonly string[]> {
  const found = await lookup(hostname, { all: true })
  return found.map(({ address }) => address)
}

function judge(
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
function beforeEnd<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new Error('aborted'))
    signal.addEventListener('abort', end, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

/** The host alone: a path or query may hold something private. */
function outage({ host }: URL, what: string, cause?: unknown): Outage {
  const options = { port: 'fetcher', retryAfterMs: RETRY_AFTER_MS, cause } as const
  return new Outage('fetch_unavailable', `the call to ${host} failed: ${what}`, options)
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'there is no answer'
}
