/**
 * Speaks to the token endpoint: one request, one outcome. RFC 6749 §4.4 and §6, client
 * authentication by HTTP Basic (§2.3.1); the address may come from metadata (OpenID Connect
 * Discovery 1.0 §4). Keeps no token and no secret.
 */
import { parseJsonObject } from '@lockgate/protocol/bytes'
import { readBoundedText } from './bounded-text.ts'
import { checkedUrl } from './endpoint-url.ts'
import { readRetryAfter } from './retry-after.ts'
import { nameFailure, type System } from './system.ts'
import { isToken } from './token-entry.ts'

export interface EndpointOptions {
  /** The token endpoint itself; or `issuer`, whose metadata name it. */
  readonly tokenUrl?: string | undefined
  readonly issuer?: string | undefined
  readonly clientId: string
  readonly scope: string
  /** Names this service where the server lists who uses which secret. */
  readonly agent?: string | undefined
  readonly dangerousPlainHttp?: boolean | undefined
  readonly system: System
}

export type Grant =
  | { readonly kind: 'client_credentials'; readonly secret: string }
  | { readonly kind: 'refresh_token'; readonly refreshToken: string }

export type GrantOutcome =
  | {
      readonly kind: 'tokens'
      readonly accessToken: string
      /** Absent in an answer to a refresh: the old one goes on (RFC 6749 §6). */
      readonly refreshToken: string | undefined
      readonly expiresInMs: number
    }
  /** RFC 6749 §5.2. */
  | { readonly kind: 'refused'; readonly status: number; readonly oauthError: string }
  /** Nothing was decided; the same request may be made again. */
  | {
      readonly kind: 'later'
      readonly status?: number
      readonly retryAfterMs?: number
      readonly reason?: string
    }
  | { readonly kind: 'unexpected'; readonly status: number }

/** Our bounds. */
const ANSWER_BYTES_MAX = 64 * 1024
const ANSWER_DEPTH_MAX = 16
const EXPIRES_IN_SECONDS_MAX = 366 * 24 * 3_600
const AGENT = /^[\x21-\x7e]{1,100}$/

export class TokenEndpoint {
  readonly #options: EndpointOptions
  #tokenUrl: string | undefined

  /** @throws TypeError for an address or a name that cannot be used. */
  constructor(options: EndpointOptions) {
    const { tokenUrl, issuer, agent, clientId } = options
    if ((tokenUrl === undefined) === (issuer === undefined)) {
      throw new TypeError('Give either tokenUrl or issuer.')
    }
    if (clientId === '') throw new TypeError('clientId is empty.')
    if (agent !== undefined && !AGENT.test(agent)) {
      throw new TypeError('agent is 1 to 100 visible characters of ASCII.')
    }
    this.#options = options
    const address = this.#checked(tokenUrl ?? issuer ?? '')
    if (tokenUrl !== undefined) this.#tokenUrl = address
  }

  /** Never rejects for what the network or the server does. */
  async exchange(grant: Grant, timeoutMs: number): Promise<GrantOutcome> {
    const signal = this.#options.system.deadline(timeoutMs)
    try {
      const url = this.#tokenUrl ?? (await this.#discover(signal))
      if (typeof url !== 'string') return url
      this.#tokenUrl = url
      return await this.#request(url, grant, signal)
    } catch (error) {
      return { kind: 'later', reason: nameFailure(error) }
    }
  }

  async #request(url: string, grant: Grant, signal: AbortSignal): Promise<GrantOutcome> {
    const { clientId, scope, system } = this.#options
    const form = new URLSearchParams({ grant_type: grant.kind })
    const headers = new Headers({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': this.#agent(),
    })
    if (grant.kind === 'client_credentials') {
      form.set('scope', scope)
      headers.set('authorization', basic(clientId, grant.secret))
    } else {
      form.set('client_id', clientId)
      form.set('refresh_token', grant.refreshToken)
    }
    const response = await system.fetch(url, {
      method: 'POST',
      headers,
      body: form.toString(),
      redirect: 'manual', // a secret goes to the address that was named and to no other
      signal,
    })
    return readOutcome(response, system.now())
  }

  /** @returns the token endpoint, or why it is not known yet. */
  async #discover(signal: AbortSignal): Promise<string | GrantOutcome> {
    const { issuer = '', system } = this.#options
    const response = await system.fetch(`${issuer.replace(/\/$/, '')}${METADATA_PATH}`, {
      headers: { accept: 'application/json', 'user-agent': this.#agent() },
      redirect: 'manual',
      signal,
    })
    const body = await readBody(response)
    const later = laterOf(response, system.now())
    if (later !== undefined) return later
    const unexpected = { kind: 'unexpected', status: response.status } as const
    if (response.status !== 200) return unexpected
    const address = body['token_endpoint']
    // OpenID Connect Discovery 1.0 §4.3: the metadata have to be those of this very issuer.
    if (body['issuer'] !== issuer || typeof address !== 'string') return unexpected
    try {
      return this.#checked(address)
    } catch (error) {
      if (error instanceof TypeError) return unexpected
      throw error
    }
  }

  #agent(): string {
    const { agent } = this.#options
    return agent === undefined ? 'lockgate-server-sdk' : `lockgate-server-sdk ${agent}`
  }

  #checked(address: string): string {
    return checkedUrl(address, this.#options.dangerousPlainHttp === true).href
  }
}

const METADATA_PATH = '/.well-known/openid-configuration'

async function readOutcome(response: Response, nowMs: number): Promise<GrantOutcome> {
  const { status } = response
  const body = await readBody(response)
  const later = laterOf(response, nowMs)
  if (later !== undefined) return later
  if (status === 200) return readTokens(body)
  const oauthError = body['error']
  // RFC 6749 §5.2; a longer or stranger text could be anything.
  if (status < 400 || typeof oauthError !== 'string' || !/^[a-z_]{1,64}$/.test(oauthError)) {
    return { kind: 'unexpected', status }
  }
  return { kind: 'refused', status, oauthError }
}

/** @returns no field for what is no JSON object of bounded size. */
async function readBody(response: Response): Promise<Readonly<Record<string, unknown>>> {
  const text = await readBoundedText(response.body, ANSWER_BYTES_MAX)
  return (text.ok ? parseJsonObject(text.value, ANSWER_DEPTH_MAX) : undefined) ?? {}
}

function readTokens(body: Readonly<Record<string, unknown>>): GrantOutcome {
  const unexpected = { kind: 'unexpected', status: 200 } as const
  const accessToken = body['access_token']
  const refreshToken = body['refresh_token']
  const type = body['token_type']
  const expiresIn = body['expires_in']
  if (!isToken(accessToken)) return unexpected
  if (refreshToken !== undefined && !isToken(refreshToken)) return unexpected
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer') return unexpected
  if (typeof expiresIn !== 'number' || !(expiresIn > 0)) return unexpected
  const expiresInMs = Math.min(expiresIn, EXPIRES_IN_SECONDS_MAX) * 1_000
  return { kind: 'tokens', accessToken, refreshToken, expiresInMs }
}

/** @returns undefined for an answer that decides something. */
function laterOf(response: Response, nowMs: number): GrantOutcome | undefined {
  const { status } = response
  if (status < 500 && status !== 429 && status !== 408) return undefined
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), nowMs)
  return { kind: 'later', status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** RFC 6749 §2.3.1: both parts are form-encoded before they are joined. */
function basic(clientId: string, secret: string): string {
  return `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(secret)}`)}`
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}
