/**
 * Calls to addresses outside that somebody else chose: a customer's key set, a witness, later
 * webhooks. Whatever URL is given, nothing inside the operator's network is reached (OWASP SSRF,
 * ASVS 5.0 §1.3.6): https only, no redirect is followed, and every address a name resolves to is
 * judged before the connection, which goes to the judged address and no other. Adapter: node.
 */
import type { Result } from '@lockgate/protocol/result'

/**
 * `url_refused`: not an absolute https URL without user, password and control characters.
 * `address_refused`: it leads to an address that is private, reserved, or of the machine itself.
 * `redirected`: the answer points elsewhere. `answer_large`: it is longer than the bound.
 */
export type FetchRefusal = 'url_refused' | 'address_refused' | 'redirected' | 'answer_large'

export interface FetchedAnswer {
  readonly status: number
  /** Names in lowercase; several of one name are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface PostedContent {
  readonly body: string | Uint8Array
  readonly contentType: string
  /** Beside those the adapter sets. No line breaks; never taken from somebody else. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Our bounds: from the look-up of the name to the last byte, and of the body of an answer. */
export const FETCH_TIME_MS_MAX = 5_000
export const FETCHED_BYTES_MAX = 262_144
/** Our bound on calls at a time; over it a call is an outage at once. */
export const FETCHES_IN_FLIGHT_MAX = 64

export interface Fetcher {
  /**
   * @returns whatever status the other side answers, 3xx apart.
   * @throws Outage `fetch_unavailable`: no such name, no connection, no valid certificate, too
   *   slow, or too many calls at a time.
   */
  get(url: string): Promise<Result<FetchedAnswer, FetchRefusal>>
  /** As {@link get}; the body of the answer is not read. Never tried twice. */
  post(
    url: string,
    content: PostedContent,
  ): Promise<Result<Pick<FetchedAnswer, 'status'>, FetchRefusal>>
}
