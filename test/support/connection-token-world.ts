/** Two organizations with apps, keys and integrations, and connection tokens over them. */
import { createMemoryBus } from '../../packages/server/src/adapters/broker-memory/broker.ts'
import {
  type ConnectionTokenParts,
  openConnectionTokens,
} from '../../packages/server/src/assembly/connection-tokens.ts'
import type { RefusalCode } from '../../packages/server/src/core/refusals.ts'
import { relianceOn } from '../../packages/server/src/core/reliance.ts'
import type { LoadedApp } from '../../packages/server/src/credentials/app-directory.ts'
import type {
  MintedToken,
  MintOrder,
} from '../../packages/server/src/credentials/connection-tokens/token-minting.ts'
import type { MqttIdentity } from '../../packages/server/src/credentials/mqtt/mqtt-identity.ts'
import type { Result } from '../../packages/protocol/src/result.ts'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import type {
  IntegrationRecord,
  ProviderRecord,
} from '../../packages/server/src/ports/records/rule-set.ts'
import { SETTINGS } from '../contract/records.ts'
import { CALLER, type CoreWorld, openCoreWorld } from './credential-core.ts'
import { appOf, declare, OTHER_TENANT_ID, TENANT_ID, tenantOf } from './token-world.ts'

export const SOURCE = { ip: '192.0.2.9', agent: 'test', protocol: 'mqtt' } as const
export const EMAIL = 'ann@example.com'

export interface MadeKey {
  readonly value: string
  readonly keyId: string
  readonly credentialId: string
  readonly versionId: string
}

export interface ConnectionTokenWorld extends CoreWorld, ConnectionTokenParts {
  /** Of both buses: what a second node of the same store hears. */
  readonly bus: ReturnType<typeof createMemoryBus>
  loaded(appId: string): LoadedApp
  makeKey(appId?: string, prefix?: string, scopes?: readonly string[]): Promise<MadeKey>
  /** By key, unless the order says otherwise. */
  mint(order?: Partial<MintOrder>): Promise<MintedToken>
  connect(
    minted: MintedToken | string,
    use?: Partial<{ username: string; organization: string; clientId: string }>,
  ): Result<MqttIdentity, RefusalCode>
  refresh(minted: MintedToken): Promise<MintedToken>
  integrate(record: Partial<IntegrationRecord>): Promise<void>
  change(appId: string, settings: Partial<AppSettings>): Promise<void>
}

export async function openConnectionTokenWorld(
  kept: Parameters<typeof openCoreWorld>[0] = {},
): Promise<ConnectionTokenWorld> {
  const world = await openCoreWorld(kept)
  const { core, store } = world
  const apps = ['app', 'sibling'].map((id) => appOf(id, { settings: SETTINGS }))
  await declare(world, [
    tenantOf(TENANT_ID, { apps }),
    tenantOf(OTHER_TENANT_ID, { apps: [appOf('foreign')] }),
  ])
  const { authority, changes } = core
  const nothing = () => {}
  const fail = (_event: string, error: unknown) => {
    throw error
  }
  const log = { debug: nothing, info: nothing, warn: nothing, error: fail }
  const bus = createMemoryBus({ onError: (error) => fail('bus', error) })
  const parts = await openConnectionTokens(core, { broker: bus.connect(), log })
  const loaded = (appId: string) => {
    const found = authority.apps.findById(appId)
    if (found === undefined) throw new Error(`there is no app ${appId}`)
    return found
  }
  return {
    ...world,
    ...parts,
    bus,
    loaded,
    async makeKey(appId = 'app', prefix = 'sk', scopes) {
      const { tenant } = loaded(appId)
      const made = await changes.create(
        {
          tenantId: tenant.id,
          appId,
          kind: 'api_key',
          name: `${prefix} of ${appId}`,
          attributes: { prefix, ...(scopes === undefined ? {} : { scopes }) },
        },
        CALLER,
      )
      if (!made.ok) throw new Error(`${made.refusal}: ${made.detail}`)
      const { credential, value = '' } = made.value
      const [version] = credential.versions
      return {
        value,
        keyId: version?.keyId ?? '',
        credentialId: credential.id,
        versionId: version?.id ?? '',
      }
    },
    async mint(order) {
      const minted = await parts.minting.mint({ ...orderOf(loaded('app')), ...order }, SOURCE)
      if (!minted.ok) throw new Error(minted.refusal)
      return minted.value
    },
    connect(minted, use) {
      const password = typeof minted === 'string' ? minted : minted.password
      const username = typeof minted === 'string' ? '' : minted.record.username
      const rest = { organization: TENANT_ID, clientId: 'client-1' }
      return parts.tokens.authenticate(password, { username, ...rest, ...use }, SOURCE)
    },
    async refresh({ record, password }) {
      const refreshed = await parts.refreshing.refresh({ tokenId: record.id, password }, SOURCE)
      if (!refreshed.ok) throw new Error(refreshed.refusal)
      return refreshed.value
    },
    async integrate(record) {
      await store.control.transaction(async (transaction) => {
        const name = record.name ?? 'web'
        const known = await transaction.findIntegration({ tenantId: TENANT_ID, name })
        await transaction.saveIntegration({
          tenantId: TENANT_ID,
          appId: undefined,
          ruleSet: undefined,
          provider: undefined,
          isEnabled: true,
          createdAtMs: 0,
          updatedAtMs: 0,
          ...record,
          name,
          revision: (known?.revision ?? 0) + 1,
        })
      })
      await authority.changed({ kind: 'tenant', tenantId: TENANT_ID })
    },
    async change(appId, settings) {
      const { app } = loaded(appId)
      const region = authority.regionOf(app)
      const changed = { ...app, settings: { ...app.settings, ...settings } }
      await region.transaction((each) => each.saveApp(changed))
      await authority.changed({ kind: 'app', region: app.region, appId })
    },
  }
}

export function orderOf(loaded: LoadedApp): MintOrder {
  return {
    loaded,
    userEmail: EMAIL,
    userId: EMAIL,
    ttlMs: undefined,
    endsAtMs: undefined,
    acl: {},
    integration: undefined,
    provider: 'cloudsignal',
    claims: {},
    restsOn: [],
    keyId: undefined,
    earlier: 'replace',
    whenFull: 'refuse',
  }
}

export function restsOnKey({ credentialId, versionId }: MadeKey) {
  return [
    relianceOn({ kind: 'version', versionId }),
    relianceOn({ kind: 'credential', credentialId }),
  ]
}

/** A provider as an integration has it, with what most of them have. */
export function providerOf(issuer: string, fields: Partial<ProviderRecord> = {}): ProviderRecord {
  return {
    type: 'oidc',
    issuer,
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    jwtSecret: undefined,
    audience: [],
    authorizedParties: [],
    requiredClaims: ['email'],
    emailClaim: 'email',
    userIdClaim: 'sub',
    capToIdpExpiry: false,
    ...fields,
  }
}
