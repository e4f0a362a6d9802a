/**
 * Signatures as an application makes them, computed here from the protocol's text alone so that the
 * server's own code is not its own judge.
 */
import { createHash, createHmac } from 'node:crypto'

/** A public key with its secret. */
export interface KeyPair {
  readonly key: string
  readonly secret: string
}

export function hmac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('hex')
}

export function md5(body: string | Buffer): string {
  return createHash('md5').update(body).digest('hex')
}

/** `KEY:SIGNATURE` for a channel, with the raw channel data when there is some. */
export function channelAuth(pair: KeyPair, socketId: string, ...signed: readonly string[]): string {
  return `${pair.key}:${hmac(pair.secret, [socketId, ...signed].join(':'))}`
}

/** `KEY:SIGNATURE` for a user sign-in over the raw user data. */
export function userAuth(pair: KeyPair, socketId: string, userData: string): string {
  return `${pair.key}:${hmac(pair.secret, `${socketId}::user::${userData}`)}`
}

export interface HttpCall {
  readonly method: string
  /** The raw path, signed and sent as it is. */
  readonly path: string
  readonly body?: string | Buffer
  readonly params?: Readonly<Record<string, string>>
  /** Seconds since 1970; now when absent. */
  readonly timestamp?: number
}

/** The parameters of a call with everything but the signature. */
export function callParams(pair: KeyPair, call: HttpCall): Record<string, string> {
  const timestamp = call.timestamp ?? Math.floor(Date.now() / 1000)
  const digest = call.body === undefined ? {} : { body_md5: md5(call.body) }
  const auth = { auth_key: pair.key, auth_timestamp: String(timestamp), auth_version: '1.0' }
  return { ...auth, ...digest, ...call.params }
}

/** Signs exactly these parameters: names lower-cased and sorted, values unescaped. */
export function callSignature(
  secret: string,
  call: Pick<HttpCall, 'method' | 'path'>,
  params: Readonly<Record<string, string>>,
): string {
  const lines = Object.entries(params)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
  return hmac(secret, `${call.method}\n${call.path}\n${lines.join('&')}`)
}

/** The query string of a properly signed call, values unescaped as the Node library sends them. */
export function signedQuery(pair: KeyPair, call: HttpCall): string {
  const params = callParams(pair, call)
  const signature = callSignature(pair.secret, call, params)
  const pairs = Object.entries({ ...params, auth_signature: signature })
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}
