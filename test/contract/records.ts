/** Records for tests of the store: number N gives one tenant with one app with one key. */
import type {
  AppRecord,
  AppSettings,
  SigningKeyRecord,
  TenantRecord,
} from '../../packages/server/src/ports/store.ts'

export const SETTINGS: AppSettings = {
  enabled: true,
  requireTls: false,
  clientMessages: true,
  subscriptionCount: true,
  watchlist: false,
  requireAuthorization: false,
  authorizationTimeoutMs: 30_000,
  allowedOrigins: ['https://*.example.org', 'http://localhost:3000'],
  dangerousAnyOrigin: false,
  missingOrigin: 'allow',
  originRefusal: 'http',
  rejectReplays: false,
  connectionCountMax: 1_000,
  clientEventsPerSecondMax: 10,
  eventDataBytesMax: 10_240,
  presenceMemberCountMax: 100,
  presenceMemberBytesMax: 2_048,
  cacheTtlMs: 1_800_000,
}

const CREATED_AT_MS = 1_790_000_000_000

/** Digits of one width, so that the order of numbers is the order of texts. */
function digits(number: number, width: number): string {
  return String(number).padStart(width, '0')
}

export function tenantOf(number: number): TenantRecord {
  return {
    id: `00000000-0000-4000-8000-${digits(number, 12)}`,
    shortId: `org_${digits(number, 12)}`,
    name: `tenant ${number}`,
    state: 'active',
    createdAtMs: CREATED_AT_MS,
  }
}

export function appOf(number: number): AppRecord {
  return {
    id: `app-${digits(number, 8)}`,
    tenantId: tenantOf(number).id,
    name: `app ${number}`,
    region: 'local',
    plan: 'unlimited',
    settings: SETTINGS,
    createdAtMs: CREATED_AT_MS,
    updatedAtMs: CREATED_AT_MS + number,
  }
}

export function keyOf(number: number): SigningKeyRecord {
  return {
    key: `key-${digits(number, 8)}`,
    appId: appOf(number).id,
    sealedSecret: Uint8Array.from({ length: 77 }, (_, index) => (index * 31 + number) & 0xff),
    createdAtMs: CREATED_AT_MS,
  }
}
