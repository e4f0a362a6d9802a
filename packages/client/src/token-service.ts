/**
 * The token service (contract of CloudSignal clients 2.2 to 2.6): creates, exchanges, refreshes.
 * One HTTP call each; who repeats what is decided elsewhere.
 */
import { ClientError, type ClientErrorCode, nameFailure } from './client-error.ts'
import type { System } from './system.ts'
import { readGrant, type TokenGrant } from './token-grant.ts'

const CALL_MS_MAX = 15_000
const RETRY_AFTER_MS_MAX = 600_000
const REASON_CHARACTERS_MAX = 200

export class TokenService {
  readonly #url: string
  readonly #system: System

  constructor(url: string, system: System) {
    this.#url = url
    this.#system = system
  }

  create(body: object): Promise<TokenGrant> {
    return this.#call('/v2/tokens/create', body)
  }

  exchange(body: object): Promise<TokenGrant> {
    return this.#call('/v2/tokens/exchange', body)
  }

  refresh({ tokenId, password }: TokenGrant): Promise<TokenGrant> {
    return this.#call('/v2/tokens/refresh', {
      token_id: tokenId,
      current_token_password: password,
    })
  }

  /** @throws {@link ClientError} */
  async #call(path: string, body: object): Promise<TokenGrant> {
    const { fetch, deadline, nowMs } = this.#system
    let response: Response
    let answer: unknown
    try {
      response = await fetch(`${this.#url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error', // a secret goes to the address that was named and to no other
        signal: deadline(CALL_MS_MAX),
      })
      answer = await response.json()
    } catch (error) {
      if (error instanceof SyntaxError) throw new ClientError('answer_unexpected')
      throw new ClientError('network_error', { reason: nameFailure(error) })
    }
    if (response.ok) return readGrant(answer, nowMs())
    throw refusalOf(response, answer)
  }
}

function refusalOf(response: Response, answer: unknown): ClientError {
  const { error, error_description: said } = (answer ?? {}) as Readonly<Record<string, unknown>>
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new ClientError(codeOf(response.status, error), {
    status: response.status,
    reason: typeof said === 'string' ? said.slice(0, REASON_CHARACTERS_MAX) : undefined,
    retryAfterMs: seconds >= 0 ? Math.min(seconds * 1_000, RETRY_AFTER_MS_MAX) : undefined,
  })
}

function codeOf(status: number, error: unknown): ClientErrorCode {
  if (status === 401) return error === 'token_expired' ? 'token_expired' : 'auth_failed'
  if (status === 403) return 'auth_failed'
  if (status === 404) {
    return error === 'provider_not_found' ? 'provider_not_found' : 'organization_not_found'
  }
  if (status === 429) return 'rate_limited'
  return status >= 500 ? 'network_error' : 'request_refused'
}
