/**
 * One lineage in memory: a connection token with all that it was refreshed to. What a record says
 * only ever moves forward, so that news of it may come twice and in any order. Pure.
 */
import { isJsonObject } from '@lockgate/protocol/bytes'
import type { TopicAcl } from '../../core/rules/topic-rules.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import type { TokenClaims } from './token-text.ts'

/** Our bound: over it the client id that was bound first is forgotten. */
export const BOUND_CLIENT_COUNT_MAX = 32
/** How long a lineage that has run out is still refreshed: clocks and slow networks (2.4). */
export const REFRESH_SKEW_MS = 30_000

/** The provider of tokens that a key of ours minted. */
export const NATIVE = 'cloudsignal'

/** Rules that name the e-mail do not hold for an address nobody has proved. */
export const UNVERIFIED = { email_verified: 'false' } as const

export interface Lineage {
  /** As it is known now; replaced as a whole. */
  record: ConnectionTokenRecord
  /** Of the last CONNECT with it on this node. */
  lastUsedAtMs: number | undefined
  /** Its text claims, for placeholders of rules; undefined where it has none. */
  readonly claims: ReadonlyMap<string, string> | undefined
}

export function lineageOf(record: ConnectionTokenRecord): Lineage {
  const entries = Object.entries(record.claims)
  const claims = entries.length === 0 ? undefined : new Map(entries)
  return { record, lastUsedAtMs: undefined, claims }
}

/**
 * @returns what both say together; the same whichever came first. Whose it is and what it may was
 * said once, when it was made: no news changes that, and none moves its end beyond the last one.
 */
export function mergeRecords(
  one: ConnectionTokenRecord,
  other: ConnectionTokenRecord,
): ConnectionTokenRecord {
  const newer = isNewer(other, one) ? other : one
  const { generation, refreshedAtMs, expiresAtMs } = newer
  return {
    ...one,
    generation,
    refreshedAtMs,
    expiresAtMs: Math.min(expiresAtMs, one.endsAtMs),
    revokedAtMs: earlier(one.revokedAtMs, other.revokedAtMs),
    replacedAtMs: earlier(one.replacedAtMs, other.replacedAtMs),
    clientIds: union(one.clientIds, other.clientIds),
  }
}

/** @returns the same record where the client id is bound already. */
export function bindClient(record: ConnectionTokenRecord, clientId: string): ConnectionTokenRecord {
  if (record.clientIds.includes(clientId)) return record
  const clientIds = [...record.clientIds, clientId].slice(-BOUND_CLIENT_COUNT_MAX)
  return { ...record, clientIds }
}

export type LineageStatus = 'active' | 'expired' | 'revoked' | 'replaced'

export function statusOf(record: ConnectionTokenRecord, nowMs: number): LineageStatus {
  if (record.revokedAtMs !== undefined) return 'revoked'
  if (record.replacedAtMs !== undefined) return 'replaced'
  return nowMs >= record.expiresAtMs ? 'expired' : 'active'
}

/**
 * Who holds it: what one holder does takes nothing from another one. An address is that of a user
 * only where a key of ours says so; what a provider says of addresses may be said by many accounts.
 */
export function holderOf(
  record: Pick<ConnectionTokenRecord, 'provider' | 'integration' | 'userId' | 'userEmail'>,
): string {
  const { provider, integration, userId, userEmail } = record
  return provider === NATIVE ? `user:${userEmail}` : `provided:${integration}/${userId}`
}

/** When its newest password was made. */
export function issuedAtMsOf({ refreshedAtMs, createdAtMs }: ConnectionTokenRecord): number {
  return refreshedAtMs ?? createdAtMs
}

/** What a password of the lineage says of it, so that a node can let it in that knows no more. */
export function claimsOf(record: ConnectionTokenRecord): TokenClaims {
  const { id, generation, appId, username, expiresAtMs } = record
  const { userEmail, userId, provider, integration, acl, restsOn, claims, ttlMs } = record
  const { createdAtMs, endsAtMs } = record
  return {
    tokenId: id,
    generation,
    appId,
    username,
    issuedAtMs: issuedAtMsOf(record),
    expiresAtMs,
    rest: {
      e: userEmail,
      i: userId,
      p: provider,
      k: integration,
      l: acl,
      o: restsOn,
      c: claims,
      t: ttlMs,
      b: createdAtMs,
      z: endsAtMs,
    },
  }
}

/**
 * @param claims of a password whose MAC holds: we wrote them.
 * @returns undefined where the text had no room for all of it.
 */
export function recordOfClaims(
  claims: TokenClaims,
  tenantId: string,
): ConnectionTokenRecord | undefined {
  const { tokenId, generation, appId, username, issuedAtMs, expiresAtMs, rest } = claims
  if (rest === undefined) return undefined
  const { e, i, p, k, l, o, c, t, b, z } = rest
  if (typeof e !== 'string' || typeof i !== 'string' || typeof p !== 'string') return undefined
  if (typeof t !== 'number' || typeof b !== 'number' || typeof z !== 'number') return undefined
  const acl = readAcl(l)
  if (acl === undefined || !isTexts(o) || !isTextRecord(c)) return undefined
  if (k !== undefined && typeof k !== 'string') return undefined
  return {
    id: tokenId,
    tenantId,
    appId,
    username,
    userEmail: e,
    userId: i,
    provider: p,
    integration: k,
    acl,
    restsOn: o,
    claims: c,
    ttlMs: t,
    createdAtMs: b,
    generation,
    refreshedAtMs: generation === 1 ? undefined : issuedAtMs,
    expiresAtMs,
    endsAtMs: z,
    revokedAtMs: undefined,
    replacedAtMs: undefined,
    clientIds: [],
  }
}

const TEXTS = ['id', 'tenantId', 'appId', 'username', 'userEmail', 'userId', 'provider'] as const
const NUMBERS = ['ttlMs', 'createdAtMs', 'generation', 'expiresAtMs', 'endsAtMs'] as const
const TIMES = ['refreshedAtMs', 'revokedAtMs', 'replacedAtMs'] as const

/** @returns the record that another node has sent; undefined for what is none. */
export function recordOf(
  value: Readonly<Record<string, unknown>>,
): ConnectionTokenRecord | undefined {
  const { integration, acl, restsOn, claims, clientIds } = value
  const isTime = (time: unknown) => time === undefined || Number.isSafeInteger(time)
  const isWhole =
    TEXTS.every((name) => typeof value[name] === 'string') &&
    NUMBERS.every((name) => Number.isSafeInteger(value[name])) &&
    TIMES.every((name) => isTime(value[name])) &&
    (integration === undefined || typeof integration === 'string') &&
    readAcl(acl) !== undefined &&
    isTexts(restsOn) &&
    isTextRecord(claims) &&
    isTexts(clientIds) &&
    clientIds.length <= BOUND_CLIENT_COUNT_MAX
  return isWhole ? (value as unknown as ConnectionTokenRecord) : undefined
}

/** Of one generation the one that lasts longer: two nodes may have made it at once. */
function isNewer(one: ConnectionTokenRecord, other: ConnectionTokenRecord): boolean {
  if (one.generation !== other.generation) return one.generation > other.generation
  return one.expiresAtMs > other.expiresAtMs
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}

function union(one: readonly string[], other: readonly string[]): readonly string[] {
  const added = other.filter((each) => !one.includes(each))
  return added.length === 0 ? one : [...one, ...added].slice(-BOUND_CLIENT_COUNT_MAX)
}

function readAcl(value: unknown): TopicAcl | undefined {
  if (!isJsonObject(value)) return undefined
  const { publish, subscribe } = value
  if (publish !== undefined && !isTexts(publish)) return undefined
  if (subscribe !== undefined && !isTexts(subscribe)) return undefined
  return {
    ...(publish === undefined ? {} : { publish }),
    ...(subscribe === undefined ? {} : { subscribe }),
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function isTextRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((each) => typeof each === 'string')
}
