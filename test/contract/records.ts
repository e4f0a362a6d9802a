/** Records for tests of the store: number N gives one tenant with one app with one credential. */
import type { AppRecord, AppSettings } from '../../packages/server/src/ports/records/app.ts'
import type { CredentialRecord } from '../../packages/server/src/ports/records/credential.ts'
import type { TenantRecord } from '../../packages/server/src/ports/records/tenant.ts'
import type { WebhookEndpointRecord } from '../../packages/server/src/ports/records/webhook.ts'

/** The region of every test store. */
export const REGIONS = [{ region: 'local', dbCode: 'local' }] as const

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
  jwtTtlMaxMs: 86_400_000,
  jwtRoles: [],
  expiry: 'enforce',
  mqttPayloadBytesMax: 262_144,
  mqttDeniedPublish: 'drop',
  mqttLimitedPublish: 'drop',
  organizationDefault: false,
  mqttUsersInBrowsers: 'deny',
  limits: [],
  tokenTtlMaxMs: 86_400_000,
  tokenLineageMaxMs: 86_400_000,
  tokenReplaceDisconnects: false,
  tokenReuseRevokes: false,
  bridges: [],
  history: ['** 7d'],
  historyBytesMax: 1_073_741_824,
  messageBytesMax: 65_536,
  echo: true,
  presenceGraceMs: 10_000,
  resumeMessageCountMax: 1_000,
  resumeWindowMs: 120_000,
  resumeTokens: 'client',
  documentPersistence: false,
  documentRetentionDays: 0,
  documentBytesMax: 67_108_864,
  documentExpiry: 'handshake',
  documentCloseCodes: 'wiresocket',
  documentOriginRefusal: 'http',
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
    signingAlgorithm: 'ES256',
    createdAtMs: CREATED_AT_MS,
  }
}

export function appOf(number: number): AppRecord {
  return {
    id: `app-${digits(number, 8)}`,
    tenantId: tenantOf(number).id,
    name: `app ${number}`,
    region: 'local',
    type: 'confidential',
    clientId: `client-${digits(number, 8)}`,
    subscription: {
      plan: 'unlimited',
      state: 'active',
      sinceMs: CREATED_AT_MS,
      endsAtMs: undefined,
    },
    allowedDomains: ['example.org', 'example.org:8443'],
    settings: SETTINGS,
    createdAtMs: CREATED_AT_MS,
    updatedAtMs: CREATED_AT_MS + number,
  }
}

export function credentialOf(number: number): CredentialRecord {
  const material = { storage: 'sealed', sealed: 'AAECAw==', fingerprint: 'Zg==' } as const
  return {
    id: `cred_${digits(number, 20)}`,
    kind: 'signing_secret',
    tenantId: tenantOf(number).id,
    appId: appOf(number).id,
    name: `key-${digits(number, 8)}`,
    attributes: { appKey: `key-${digits(number, 8)}` },
    policy: { overlapMaxMs: 1_000, overlapDefaultMs: 100, maxAgeDays: 90, isAutomatic: false },
    versions: [
      {
        id: `ver_${digits(number, 20)}`,
        number: 1,
        state: 'current',
        keyId: undefined,
        material,
        hint: 'abcd',
        origin: 'declared',
        createdAtMs: CREATED_AT_MS,
        createdBy: 'configuration:configuration',
        activatedAtMs: CREATED_AT_MS,
        expiresAtMs: undefined,
        acceptUntilMs: undefined,
        disabledAtMs: undefined,
        endedAtMs: undefined,
      },
    ],
    revision: 1,
    createdAtMs: CREATED_AT_MS,
  }
}

/** An endpoint of app N, of the Standard form. */
export function endpointOf(
  number: number,
  changes: Partial<WebhookEndpointRecord> = {},
): WebhookEndpointRecord {
  return {
    id: `whe_${digits(number, 20)}`,
    tenantId: tenantOf(number).id,
    appId: appOf(number).id,
    name: `endpoint ${number}`,
    url: 'https://hooks.example.org/in',
    format: 'standard',
    events: ['channel.occupied', 'channel.vacated'],
    channelPrefix: '',
    channelSuffix: '',
    algorithm: 'hmac-sha256',
    credentialId: credentialOf(number).id,
    disabled: undefined,
    failingSinceMs: undefined,
    revision: 1,
    createdAtMs: CREATED_AT_MS,
    updatedAtMs: CREATED_AT_MS,
    ...changes,
  }
}
