/**
 * Connection tokens as text: `tkn_<claims>.<mac>`, base64url both, which is what an MQTT password
 * may hold anywhere. The MAC (HMAC-SHA256) is made under a key of the tenant that every node
 * derives, so one hash decides and no database is asked. The same claims always give the same text:
 * a lost answer can be given again. Pure but for the key.
 */
import { createHmac, hkdfSync, type KeyObject, createSecretKey, timingSafeEqual } from 'node:crypto'
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'

/** Our bound on the whole text (decision 20); checked before anything else is done with it. */
export const TOKEN_CHARACTERS_MAX = 4_096

export const TOKEN_PREFIX = 'tkn_'

/** What every node has to know of a token to let it in, beside the table of lineages. */
export interface TokenClaims {
  /** UUID: the `token_id`, of all passwords of one lineage. */
  readonly tokenId: string
  /** Of this password; the first is 1. */
  readonly generation: number
  readonly appId: string
  /** The part of the MQTT user name before the `@`. */
  readonly username: string
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  /**
   * Everything else of the lineage, for a node that has not heard of it yet; absent where it would
   * make the text too long.
   */
  readonly rest: Readonly<Record<string, unknown>> | undefined
}

/** What a password says, and the version of the key that signed it. */
export interface SignedClaims extends TokenClaims {
  readonly keyVersion: number
}

export interface SigningTokenKey {
  readonly version: number
  readonly key: KeyObject
}

/** SHA-256 in base64url. */
const MAC_LENGTH = 43
const FORM = /^tkn_([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/
/** Claims, the rest, its ACL and a list of it. */
const DEPTH_MAX = 5
const KEY_BYTES = 32

/** @returns the HMAC key of one tenant's tokens (RFC 5869). */
export function deriveTokenKey(installationKey: Uint8Array, tenantId: string): KeyObject {
  const info = Buffer.from(`lockgate connection-token 1 ${tenantId}`)
  return createSecretKey(
    Buffer.from(hkdfSync('sha256', installationKey, Buffer.alloc(0), info, KEY_BYTES)),
  )
}

/** @returns at most {@link TOKEN_CHARACTERS_MAX} characters: without the rest where it is long. */
export function encodeToken(claims: TokenClaims, key: SigningTokenKey): string {
  const whole = write(claims, key)
  if (whole.length <= TOKEN_CHARACTERS_MAX) return whole
  return write({ ...claims, rest: undefined }, key)
}

/** Whether a password means to be a connection token; says nothing about its truth. */
export function isTokenShaped(text: string): boolean {
  return text.startsWith(TOKEN_PREFIX)
}

/**
 * @param text untrusted, of any length.
 * @param keyOf a version of the key of the tenant of an app; undefined for an app or version that
 *   is not there, whose tokens cost as much as a forged one.
 * @returns undefined for everything we did not make.
 */
export function decodeToken(
  text: string,
  keyOf: (appId: string, version: number) => KeyObject | undefined,
): SignedClaims | undefined {
  if (text.length > TOKEN_CHARACTERS_MAX) return undefined
  const [, body = '', mac = ''] = FORM.exec(text) ?? []
  if (mac.length !== MAC_LENGTH) return undefined
  const read = parseJsonObject(Buffer.from(body, 'base64url').toString('utf8'), DEPTH_MAX)
  const claims = read === undefined ? undefined : readClaims(read)
  if (claims === undefined) return undefined
  const key = keyOf(claims.appId, claims.keyVersion)
  // Compared as text: no second spelling of the same bits is a token.
  const expected = Buffer.from(macOf(body, key ?? NO_KEY).toString('base64url'))
  const isOurs = timingSafeEqual(Buffer.from(mac), expected)
  return isOurs && key !== undefined ? claims : undefined
}

const NO_KEY = createSecretKey(Buffer.alloc(KEY_BYTES))

function write({ rest, ...claims }: TokenClaims, { version, key }: SigningTokenKey): string {
  const { tokenId, generation, appId, username, issuedAtMs, expiresAtMs } = claims
  const text = JSON.stringify({
    k: version,
    t: tokenId,
    g: generation,
    a: appId,
    u: username,
    n: issuedAtMs,
    x: expiresAtMs,
    r: rest,
  })
  const body = Buffer.from(text).toString('base64url')
  return `${TOKEN_PREFIX}${body}.${macOf(body, key).toString('base64url')}`
}

/** Not believed yet. */
function readClaims(value: Readonly<Record<string, unknown>>): SignedClaims | undefined {
  const { k, t, g, a, u, n, x, r } = value
  if (typeof t !== 'string' || typeof a !== 'string' || typeof u !== 'string') return undefined
  if (!isWhole(k) || !isWhole(g) || !isWhole(n) || !isWhole(x)) return undefined
  if (r !== undefined && !isJsonObject(r)) return undefined
  return {
    keyVersion: k,
    tokenId: t,
    generation: g,
    appId: a,
    username: u,
    issuedAtMs: n,
    expiresAtMs: x,
    rest: r,
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function macOf(body: string, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(`connection-token 1 ${body}`).digest()
}
