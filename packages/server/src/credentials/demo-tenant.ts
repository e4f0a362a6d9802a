/**
 * The tenant a first start makes when nothing is declared, so that there is something to connect
 * to.
 */
import type { Random } from '../ports/random.ts'
import type { AppRecord, AppSettings, Store, TenantRecord } from '../ports/store.ts'
import type { ProvisionDeps } from './provision.ts'
import { sealSigningSecret } from './signing-keys.ts'

/** Shown to the person who starts the server, once; the store keeps the secret sealed. */
export interface DemoCredentials {
  readonly tenantId: string
  readonly appId: string
  readonly key: string
  /** 43 characters of `A-Z a-z 0-9 _ -`. */
  readonly secret: string
}

/** By this the server finds the tenant again; nothing else tells it from others. */
export const DEMO_TENANT_SHORT_ID = 'org_lockgatedemo'

/** No letter or digit that is read as another; 32 of them, so a byte picks without bias. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'
const APP_ID_LENGTH = 16
const KEY_LENGTH = 20
const SECRET_BYTES = 32

/**
 * Makes tenant "Demo" with app "demo" when the store holds no tenant at all.
 * @returns undefined when there is a tenant, and nothing was written.
 * @throws Outage
 */
export function createDemoTenant(
  store: Store,
  settings: AppSettings,
  deps: ProvisionDeps,
): Promise<DemoCredentials | undefined> {
  const { clock, random } = deps
  return store.transaction(async (transaction) => {
    if ((await transaction.listTenants()).length > 0) return undefined
    const nowMs = clock.nowMs()
    const tenant: TenantRecord = {
      id: randomUuid(random),
      shortId: DEMO_TENANT_SHORT_ID,
      name: 'Demo',
      state: 'active',
      createdAtMs: nowMs,
    }
    const app: AppRecord = {
      id: `app_${randomText(random, APP_ID_LENGTH)}`,
      tenantId: tenant.id,
      name: 'demo',
      region: 'local',
      plan: 'unlimited',
      settings,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    }
    const row = { key: randomText(random, KEY_LENGTH), appId: app.id }
    const secret = Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url')
    await transaction.saveTenant(tenant)
    await transaction.saveApp(app)
    const sealedSecret = sealSigningSecret(secret, row, deps)
    await transaction.saveSigningKey({ ...row, sealedSecret, createdAtMs: nowMs })
    return { tenantId: tenant.id, appId: app.id, key: row.key, secret }
  })
}

function randomText(random: Random, length: number): string {
  return Array.from(random.bytes(length), (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join(
    '',
  )
}

/** Version 4, RFC 9562 §5.4. */
function randomUuid(random: Random): string {
  const bytes = Buffer.from(random.bytes(16))
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
