/**
 * A client of the token service as the contract describes one (CloudSignal, part 2): it puts base
 * URL and path together as they are, parses every body before it looks at the status, and maps
 * status and `error` to the kinds applications see.
 */
import assert from 'node:assert/strict'

export type ErrorKind =
  | 'TOKEN_EXPIRED'
  | 'AUTH_FAILED'
  | 'PROVIDER_NOT_FOUND'
  | 'ORG_NOT_FOUND'
  | 'RATE_LIMITED'
  | 'INVALID_RESPONSE'

export class TokenError extends Error {
  readonly kind: ErrorKind
  readonly status: number
  constructor(kind: ErrorKind, status: number, message: string) {
    super(message)
    this.kind = kind
    this.status = status
  }
}

export interface Token {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly mqtt_credentials: { readonly username: string; readonly password: string }
  readonly token_id: string
  readonly user_email: string
  readonly provider: string
  readonly expires_at: string
  readonly refresh_recommended_at: string
}

export class TokenDriver {
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>

  /** @param headers such as the `Origin` a browser would send. */
  constructor(base: string, headers: Readonly<Record<string, string>> = {}) {
    this.#base = base
    this.#headers = headers
  }

  create(body: object): Promise<Token> {
    return this.#token('/v2/tokens/create', { replace_existing: true, ...body })
  }

  exchange(body: object): Promise<Token> {
    return this.#token('/v2/tokens/exchange', body)
  }

  refresh(token: Token): Promise<Token> {
    const { token_id, access_token } = token
    return this.#token('/v2/tokens/refresh', { token_id, current_token_password: access_token })
  }

  async providers(organization: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const answer = await this.#call(`/v2/providers?organization_id=${organization}`)
    assert.ok(Array.isArray(answer['providers']))
    return answer['providers']
  }

  async #token(path: string, body: object): Promise<Token> {
    const askedMs = Date.now()
    const answer = (await this.#call(path, body)) as unknown as Token
    const times = [answer.expires_at, answer.refresh_recommended_at].map((text) => {
      assert.match(text, /Z$/)
      return new Date(text).getTime()
    })
    const [expiresMs = Number.NaN, refreshMs = Number.NaN] = times
    assert.ok(refreshMs > Date.now(), 'the time to refresh is to come')
    assert.ok(refreshMs < expiresMs && expiresMs - askedMs < 2 ** 31)
    assert.equal(answer.mqtt_credentials.password, answer.access_token)
    assert.equal(answer.token_type, 'Bearer')
    for (const text of [answer.token_id, answer.user_email, answer.provider]) assert.ok(text)
    return answer
  }

  async #call(path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(`${this.#base}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'Content-Type': 'application/json', ...this.#headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const parsed = (await response.json()) as Readonly<Record<string, unknown>>
    if (response.ok) return parsed
    const text = parsed['error_description'] ?? parsed['detail']
    throw new TokenError(kindOf(response.status, parsed['error']), response.status, String(text))
  }
}

/** @returns the kind of error a call ended with. */
export async function kindOfError(call: Promise<unknown>): Promise<ErrorKind> {
  const error: unknown = await call.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  assert.ok(error instanceof TokenError, `refused: ${String(error)}`)
  assert.ok(error.message.length > 0 && error.message !== 'undefined')
  return error.kind
}

function kindOf(status: number, error: unknown): ErrorKind {
  if (status === 401) return error === 'token_expired' ? 'TOKEN_EXPIRED' : 'AUTH_FAILED'
  if (status === 404) {
    return error === 'provider_not_found' ? 'PROVIDER_NOT_FOUND' : 'ORG_NOT_FOUND'
  }
  return status === 429 ? 'RATE_LIMITED' : 'INVALID_RESPONSE'
}
