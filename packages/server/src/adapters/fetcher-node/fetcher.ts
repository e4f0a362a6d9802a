/** Calls outside: URL and addresses are judged first, then one bounded exchange follows. */
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
import { addressesOf, beforeEnd, judge, readUrl, type Resolve, resolveName } from './target.ts'

const RETRY_AFTER_MS = 5_000

export interface FetcherOptions {
  /** Networks inside that may be called all the same, over plain http too: addresses and CIDR. */
  readonly allowedNetworks: readonly string[]
  /** What it finds is judged like everything else. */
  readonly resolve?: Resolve
  /** PEM, trusted in place of what the system trusts. */
  readonly trustedCertificates?: string | undefined
  readonly timeMsMax?: number
  readonly bytesMax?: number
}

type Order = Pick<Exchange, 'method' | 'headers' | 'body' | 'reading'>
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
      const from = { url, addresses: found, signal, bytesMax, trustedCertificates }
      // A kept connection would be one to an address that was judged for another call.
      const rest = { ...from, agent: false as const }
      return await beforeEnd(exchange({ ...order, ...rest }), signal)
    } catch (error) {
      throw outage(url, signal.aborted ? 'it takes too long' : reasonOf(error), error)
    } finally {
      inFlightCount--
    }
  }
  return {
    get: (url) => call(url, { method: 'GET', headers: {}, body: undefined, reading: 'body' }),
    async post(url, { body, contentType, headers }) {
      const answer = await call(url, {
        method: 'POST',
        reading: 'status',
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

/** The host alone: a path or query may hold something private. */
function outage({ host }: URL, what: string, cause?: unknown): Outage {
  const options = { port: 'fetcher', retryAfterMs: RETRY_AFTER_MS, cause } as const
  return new Outage('fetch_unavailable', `the call to ${host} failed: ${what}`, options)
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'there is no answer'
}
