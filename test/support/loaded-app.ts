/** Apps as the directory holds them, made in memory for tests of sessions and routes. */
import type {
  LoadedApp,
  LoadedCredential,
} from '../../packages/server/src/credentials/app-directory.ts'
import type { AppRecord, AppSettings } from '../../packages/server/src/ports/records/app.ts'
import { UNLIMITED } from '../../packages/server/src/ports/records/plan.ts'
import type { TenantRecord } from '../../packages/server/src/ports/records/tenant.ts'
import type { WebhookEndpointRecord } from '../../packages/server/src/ports/records/webhook.ts'

const NO_LIMITS = {
  maxConnections: UNLIMITED,
  maxDocuments: UNLIMITED,
  maxUsersPerDoc: UNLIMITED,
  opsPerMinute: UNLIMITED,
}

/** A credential of the Pusher kind with one current version, `ver_<key>`. */
export function signingCredential(key: string, secret: string, appId = 'app'): LoadedCredential {
  const version = {
    id: `ver_${key}`,
    number: 1,
    state: 'current' as const,
    keyId: undefined,
    material: { storage: 'sealed' as const, sealed: '', fingerprint: '' },
    hint: secret.slice(-4),
    origin: 'declared' as const,
    createdAtMs: 0,
    createdBy: 'test',
    activatedAtMs: 0,
    expiresAtMs: undefined,
    acceptUntilMs: undefined,
    disabledAtMs: undefined,
    endedAtMs: undefined,
  }
  const record = {
    id: `cred_${key}`,
    kind: 'signing_secret' as const,
    tenantId: 'tenant',
    appId,
    name: key,
    attributes: { appKey: key },
    policy: { overlapMaxMs: 0, overlapDefaultMs: 0, maxAgeDays: undefined, isAutomatic: false },
    versions: [version],
    revision: 1,
    createdAtMs: 0,
  }
  return { record, secrets: new Map([[version.id, new TextEncoder().encode(secret)]]) }
}

export function loadedApp(of: {
  readonly settings: AppSettings
  readonly signingKeys: readonly { readonly key: string; readonly secret: string }[]
  readonly tenant?: Partial<TenantRecord>
  readonly app?: Partial<AppRecord>
  readonly webhookEndpoints?: readonly WebhookEndpointRecord[]
}): LoadedApp {
  const tenant: TenantRecord = {
    id: 'tenant',
    shortId: 'org',
    name: 'T',
    state: 'active',
    signingAlgorithm: 'ES256',
    createdAtMs: 0,
    ...of.tenant,
  }
  const app: AppRecord = {
    id: 'app',
    tenantId: tenant.id,
    name: 'app',
    region: 'local',
    type: 'confidential',
    clientId: 'client',
    subscription: { plan: 'unlimited', state: 'active', sinceMs: 0, endsAtMs: undefined },
    allowedDomains: [],
    settings: of.settings,
    createdAtMs: 0,
    updatedAtMs: 0,
    ...of.app,
  }
  const credentials = of.signingKeys.map(({ key, secret }) =>
    signingCredential(key, secret, app.id),
  )
  return {
    app,
    tenant,
    limits: NO_LIMITS,
    credentials,
    webhookEndpoints: of.webhookEndpoints ?? [],
  }
}
