/**
 * Mints connection tokens for pages and devices: one POST to the token service with a secret key of
 * the app. Web standards only. What certainly made nothing is asked again a few times; the key and
 * the tokens are in no error and no log.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { AnsweredError, type AnsweredErrorDetails } from './answered-error.ts'
import { readBoundedText } from './bounded-text.ts'
import { checkedUrl } from './endpoint-url.ts'
import { readRetryAfter } from './retry-after.ts'
import { nameFailure, type System, SYSTEM } from './system.ts'

export interface TokenGeneratorOptions {
  /** Where the server is: `https://realtime.example.com`. */
  readonly url: string
  /** Its short id (`org_...`) or its UUID. */
  readonly organizationId: string
  /** `sk_...`; a function is asked for each token, so that the key can rotate. */
  readonly secretKey: string | (() => string | Promise<string>)
  /** Tries after the first; {@link RETRY_COUNT} unless given, {@link RETRY_COUNT_MAX} at most. */
  readonly retries?: number
  /** Of one try. */
  readonly timeoutMs?: number
  /** Lets the key travel to another machine without TLS. */
  readonly dangerousPlainHttp?: boolean
  /** For tests. */
  readonly system?: System
}

/** For whom, and what of their rights; names of both spellings are taken. */
export interface TokenRequest {
  /** May be left out where `userId` is given. */
  readonly userEmail?: string
  readonly user_email?: string
  readonly userId?: string
  readonly user_id?: string
  readonly integrationId?: string
  readonly integration_id?: string
  /** Seconds: 60 to 86,400, and what the app allows. */
  readonly ttl?: number
  /** Only narrows what rule sets allow; an empty list allows nothing. */
  readonly acl?: { readonly publish?: readonly string[]; readonly subscribe?: readonly string[] }
  /** False, so that a second tab of a user does not end the token of the first. */
  readonly replaceExisting?: boolean
}

/** The answer of the token service as it came; safe to hand to the page of the user. */
export interface ConnectionToken {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly mqtt_credentials: { readonly username: string; readonly password: string }
  readonly token_id: string
  readonly user_email: string
  readonly user_id: string
  readonly provider: string
  readonly expires_at: string
  readonly refresh_recommended_at: string
}

export type TokenGenerator = (request: TokenRequest) => Promise<ConnectionToken>

/**
 * `request_invalid`: it cannot be sent as it is, and was not. `unauthenticated`: the key is not one
 * of the organization. `refused`: see `refusal`. `rate_limited`, `unavailable`: later, perhaps.
 * `answer_unexpected`: whatever answered is no token service.
 */
export type ConnectionTokenErrorCode =
  | 'request_invalid'
  | 'unauthenticated'
  | 'refused'
  | 'rate_limited'
  | 'unavailable'
  | 'answer_unexpected'

export class ConnectionTokenError extends AnsweredError<ConnectionTokenErrorCode> {
  override readonly name = 'ConnectionTokenError'

  constructor(code: ConnectionTokenErrorCode, details: AnsweredErrorDetails = {}) {
    super(code, TEXTS[code], details)
  }
}

const TEXTS: Readonly<Record<ConnectionTokenErrorCode, string>> = {
  request_invalid: 'A token cannot be made like this.',
  unauthenticated: 'The secret key is not one of this organization, or not any more.',
  refused: 'The token service refuses the token.',
  rate_limited: 'Too many tokens at once. Try again after retryAfterMs.',
  unavailable: 'The token service cannot answer now.',
  answer_unexpected: 'What answered is no token service. Check url.',
}

export const RETRY_COUNT = 2
export const RETRY_COUNT_MAX = 10
const CALL_MS_MAX = 10_000
const ANSWER_BYTES_MAX = 64 * 1024
const ANSWER_DEPTH_MAX = 6
const PAUSE_MS = 300
/** Somebody waits for the token: what takes longer is told to them instead. */
const PAUSE_MS_MAX = 5_000

/** @throws TypeError for an address that a key must not be sent to. */
export function createTokenGenerator(options: TokenGeneratorOptions): TokenGenerator {
  const { url, retries = RETRY_COUNT, system = SYSTEM } = options
  const base = checkedUrl(url, options.dangerousPlainHttp ?? false)
  const address = `${base.origin}${base.pathname.replace(/\/+$/, '')}/v2/tokens`
  if (options.organizationId === '') throw new TypeError('organizationId is missing.')
  return async (request) => {
    const wanted = wantedOf(request)
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await create(address, wanted, options)
      } catch (error) {
        const isLast = attempt >= Math.min(retries, RETRY_COUNT_MAX)
        if (isLast || !(error instanceof ConnectionTokenError)) throw error
        // A mint whose answer got lost made a token that nobody has; it ends by itself.
        if (error.code !== 'rate_limited' && error.code !== 'unavailable') throw error
        const spread = PAUSE_MS * 2 ** attempt * (1 + system.random())
        const pauseMs = Math.max(spread, error.retryAfterMs ?? 0)
        if (pauseMs > PAUSE_MS_MAX) throw error
        await system.pause(pauseMs)
      }
    }
  }
}

/** One token, for who sets nothing up: see {@link createTokenGenerator}. */
export function generateToken(
  request: TokenRequest & TokenGeneratorOptions,
): Promise<ConnectionToken> {
  return createTokenGenerator(request)(request)
}

function wantedOf(request: TokenRequest): Readonly<Record<string, unknown>> {
  const userId = request.userId ?? request.user_id
  const email = request.userEmail ?? request.user_email
  if (!userId && !email) {
    throw new ConnectionTokenError('request_invalid', { reason: 'userEmail or userId is missing' })
  }
  if (!email && request.replaceExisting === true) {
    const reason = 'replaceExisting needs userEmail'
    throw new ConnectionTokenError('request_invalid', { reason })
  }
  return {
    user_email: email,
    user_id: userId,
    integration_id: request.integrationId ?? request.integration_id,
    ttl: request.ttl,
    acl: request.acl,
    ...(email ? { replace_existing: request.replaceExisting ?? false } : {}),
  }
}

async function create(
  address: string,
  wanted: Readonly<Record<string, unknown>>,
  { organizationId, secretKey, timeoutMs = CALL_MS_MAX, system = SYSTEM }: TokenGeneratorOptions,
): Promise<ConnectionToken> {
  const key = typeof secretKey === 'function' ? await secretKey() : secretKey
  // The call for users without an address takes the key in a header.
  const hasEmail = Boolean(wanted['user_email'])
  const body = {
    organization_id: organizationId,
    ...(hasEmail ? { secret_key: key } : {}),
    ...wanted,
  }
  const bearer = hasEmail ? {} : { authorization: `Bearer ${key}` }
  let response: Response
  try {
    response = await system.fetch(hasEmail ? `${address}/create` : address, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', ...bearer },
      body: JSON.stringify(body),
      redirect: 'manual', // the key goes to the address that was named and to no other
      signal: system.deadline(timeoutMs),
    })
  } catch (error) {
    throw new ConnectionTokenError('unavailable', { reason: nameFailure(error) })
  }
  return settled(response, system)
}

async function settled(response: Response, system: System): Promise<ConnectionToken> {
  const { status } = response
  const text = await readBoundedText(response.body, ANSWER_BYTES_MAX).catch((error: unknown) => {
    throw new ConnectionTokenError('unavailable', { status, reason: nameFailure(error) })
  })
  const answer = text.ok ? parseJsonObject(text.value, ANSWER_DEPTH_MAX) : undefined
  if (response.ok && isToken(answer)) return answer
  const error = answer?.['error']
  // A longer or stranger text could be anything.
  const refusal = typeof error === 'string' && /^[a-z_]{1,64}$/.test(error) ? error : undefined
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), system.now())
  const details = { status, refusal, retryAfterMs }
  if (status === 429) throw new ConnectionTokenError('rate_limited', details)
  if (status >= 500) throw new ConnectionTokenError('unavailable', details)
  if (refusal === undefined) throw new ConnectionTokenError('answer_unexpected', { status })
  throw new ConnectionTokenError(status === 401 ? 'unauthenticated' : 'refused', details)
}

function isToken(answer: unknown): answer is ConnectionToken {
  const fields = answer as Readonly<Record<string, unknown>> | undefined
  const names = ['access_token', 'token_id', 'expires_at', 'refresh_recommended_at']
  const credentials = fields?.['mqtt_credentials'] as Readonly<Record<string, unknown>> | undefined
  return (
    names.every((name) => typeof fields?.[name] === 'string') &&
    typeof credentials?.['username'] === 'string' &&
    typeof credentials['password'] === 'string'
  )
}
