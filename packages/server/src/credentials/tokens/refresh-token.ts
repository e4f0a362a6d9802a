/**
 * Refresh tokens as text: the place of a family, its generation and the version it rests on, under
 * a MAC that also covers the client. Garbage, and the token of another client, cost one HMAC and no
 * look-up. The same generation always gives the same text, so a lost reply can be given again. Pure
 * but for the key.
 */
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** What a token names; the client is not in it: it has to be said beside it. */
export interface RefreshClaims {
  /** A region code, `[a-z0-9-]{1,40}`. */
  readonly region: string
  /** 22 characters of base64url. */
  readonly familyId: string
  /** 1, 2, ... */
  readonly generation: number
  readonly versionId: string
}

const PREFIX = 'rt_'
const MAC_LENGTH = 43
/** Our bound: checked before anything else is done with a text. */
export const REFRESH_TOKEN_LENGTH_MAX = 256
/** Canonical base64url of the body, a dot, and of the MAC. */
const FORM = /^rt_([A-Za-z0-9_-]{1,200})\.([A-Za-z0-9_-]{43})$/
const BODY =
  /^1 ([a-z0-9][a-z0-9-]{0,39}) ([A-Za-z0-9_-]{22}) ([1-9]\d{0,14}) ([A-Za-z0-9_]{1,40})$/

/** @param clientId the client the family belongs to. */
export function encodeRefreshToken(
  { region, familyId, generation, versionId }: RefreshClaims,
  clientId: string,
  key: KeyObject,
): string {
  const text = `1 ${region} ${familyId} ${generation} ${versionId}`
  const body = Buffer.from(text).toString('base64url')
  return `${PREFIX}${body}.${macOf(body, clientId, key).toString('base64url')}`
}

/**
 * @param token untrusted, of any length. @param clientId untrusted: who says it is theirs.
 * @returns undefined for everything we did not make for this client.
 */
export function decodeRefreshToken(
  token: string,
  clientId: string,
  key: KeyObject,
): RefreshClaims | undefined {
  if (token.length > REFRESH_TOKEN_LENGTH_MAX) return undefined
  const [, body = '', mac = ''] = FORM.exec(token) ?? []
  if (mac.length !== MAC_LENGTH) return undefined
  // Compared as text: no second spelling of the same bits is a token.
  const expected = macOf(body, clientId, key).toString('base64url')
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return undefined
  const fields = BODY.exec(Buffer.from(body, 'base64url').toString('latin1'))
  const [, region = '', familyId = '', generation = '', versionId = ''] = fields ?? []
  return fields === null
    ? undefined
    : { region, familyId, generation: Number(generation), versionId }
}

/** Whether a text means to be one of ours; says nothing about its truth. */
export function isRefreshTokenShaped(token: string): boolean {
  return token.length <= REFRESH_TOKEN_LENGTH_MAX && FORM.test(token)
}

/** Body and client are told apart by a character neither holds. */
function macOf(body: string, clientId: string, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(`refresh ${body} ${clientId}`).digest()
}
