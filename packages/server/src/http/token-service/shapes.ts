/** Tokens as answers show them (contract CloudSignal 2.2, 2.7, 2.8). Pure. */
import { refreshAtMs } from '../../credentials/connection-tokens/refresh-time.ts'
import type { Lineage, LineageStatus } from '../../credentials/connection-tokens/lineage.ts'
import type { MintedToken } from '../../credentials/connection-tokens/token-minting.ts'
import type { LoadedApp } from '../../credentials/app-directory.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'

/** What is made is shown with the organization it is for, and when it is shown. */
interface Shown {
  readonly minted: MintedToken
  readonly loaded: LoadedApp
  readonly nowMs: number
}

/** The same fields of the same types for create, exchange and refresh. */
export function tokenShape({ minted: { record, password }, loaded, nowMs }: Shown) {
  return {
    access_token: password,
    token_type: 'Bearer',
    expires_in: secondsLeft(record, nowMs),
    mqtt_credentials: { username: usernameOf(record, loaded), password },
    token_id: record.id,
    user_email: record.userEmail,
    user_id: record.userId,
    provider: record.provider,
    ...timesOf(record, nowMs),
  }
}

/** The older answer to an exchange that was asked for with a key. */
export function exchangeShape({ minted: { record, password }, loaded, nowMs }: Shown) {
  return {
    mqtt_username: usernameOf(record, loaded),
    mqtt_password: password,
    expires_in: secondsLeft(record, nowMs),
    provider: record.provider,
    user_id: record.userId,
    ...timesOf(record, nowMs),
  }
}

/** The first version: its callers put the user name together themselves. */
export function legacyShape({ minted: { record, password }, loaded, nowMs }: Shown) {
  return {
    mqtt_username: record.username,
    token_password: password,
    org_short_id: loaded.tenant.shortId,
    token_id: record.id,
    ...timesOf(record, nowMs),
  }
}

/** One of a list: never a password. */
export function listedShape(
  { record, lastUsedAtMs }: Lineage,
  loaded: LoadedApp,
  shown: { readonly status: LineageStatus; readonly connections: number },
) {
  return {
    token_id: record.id,
    user_email: record.userEmail,
    user_id: record.userId,
    username: usernameOf(record, loaded),
    provider: record.provider,
    integration_id: record.integration ?? null,
    created_at: isoTime(record.createdAtMs),
    expires_at: isoTime(record.expiresAtMs),
    last_used_at: lastUsedAtMs === undefined ? null : isoTime(lastUsedAtMs),
    status: shown.status,
    connections: shown.connections,
  }
}

export function usernameOf({ username }: ConnectionTokenRecord, { tenant }: LoadedApp): string {
  return `${username}@${tenant.shortId}`
}

function timesOf({ expiresAtMs }: ConnectionTokenRecord, nowMs: number) {
  return {
    expires_at: isoTime(expiresAtMs),
    refresh_recommended_at: isoTime(refreshAtMs(expiresAtMs, nowMs)),
  }
}

function secondsLeft({ expiresAtMs }: ConnectionTokenRecord, nowMs: number): number {
  return Math.max(0, Math.round((expiresAtMs - nowMs) / 1_000))
}

/** ISO 8601 in UTC with `Z`, which `new Date()` reads everywhere. */
function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
