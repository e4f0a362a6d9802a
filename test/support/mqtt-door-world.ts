/** Two organizations with users, keys and tokens, and the door their MQTT clients come in by. */
import { createForeignTokens } from '../../packages/server/src/assembly/foreign-tokens.ts'
import { createTokenService } from '../../packages/server/src/assembly/token-service.ts'
import type { Result } from '../../packages/protocol/src/result.ts'
import { refuse } from '../../packages/protocol/src/result.ts'
import type { RefusalCode } from '../../packages/server/src/core/refusals.ts'
import type { Source } from '../../packages/server/src/core/source.ts'
import type { IssuedCredential } from '../../packages/server/src/credentials/administration/issued.ts'
import type { LoadedApp } from '../../packages/server/src/credentials/app-directory.ts'
import { AppLimitBook } from '../../packages/server/src/credentials/app-limits.ts'
import type { DeniedAttempt } from '../../packages/server/src/credentials/audit/denied-access.ts'
import type { DenialOwner } from '../../packages/server/src/credentials/audit/denied-access.ts'
import { Bearers } from '../../packages/server/src/credentials/bearers.ts'
import {
  CredentialDoor,
  type TokenPasswords,
} from '../../packages/server/src/credentials/mqtt/mqtt-door.ts'
import type {
  MqttCredentials,
  MqttIdentity,
} from '../../packages/server/src/credentials/mqtt/mqtt-identity.ts'
import type { AppSettings } from '../../packages/server/src/ports/records/app.ts'
import type {
  CredentialAttributes,
  CredentialKind,
} from '../../packages/server/src/ports/records/credential.ts'
import { SETTINGS } from '../contract/records.ts'
import { CALLER, type CoreWorld, openCoreWorld } from './credential-core.ts'
import { guardWorld } from './guard-world.ts'
import {
  appOf,
  clientIdOf,
  declare,
  ISSUER_BASE,
  OTHER_TENANT_ID,
  secretOf,
  TENANT_ID,
  tenantOf,
  TOKEN_TIMES,
} from './token-world.ts'

export const SOURCE: Source = { ip: '192.0.2.9', agent: '', protocol: 'mqtt' }
export const SHORT_ID = tenantOf(TENANT_ID, { apps: [] }).shortId
export const OTHER_SHORT_ID = tenantOf(OTHER_TENANT_ID, { apps: [] }).shortId
/** Open to every origin, so that only what a test changes refuses anything. */
const OPEN: AppSettings = { ...SETTINGS, allowedOrigins: [], jwtRoles: [] }

export interface Denied extends DeniedAttempt {
  readonly owner: DenialOwner
}

export type Outcome = Result<MqttIdentity, RefusalCode>

export interface DoorWorld extends CoreWorld {
  readonly door: CredentialDoor
  /** What the door is made of, for a broker over the same core. */
  readonly parts: ReturnType<typeof guardWorld> & {
    readonly bearers: Bearers
    readonly tokens: TokenPasswords
  }
  /** What connection tokens were asked of; they answer with `tokenAnswer`. */
  readonly tokenCalls: unknown[][]
  tokenAnswer: Outcome
  readonly denials: Denied[]
  loaded(appId: string): LoadedApp
  make(kind: CredentialKind, of?: MakeFields): Promise<IssuedCredential>
  /** Asks the door, and waits where it has to. */
  come(
    username: string | undefined,
    password: string | undefined,
    more?: Partial<MqttCredentials> & { readonly source?: Source },
  ): Promise<Outcome>
  change(appId: string, settings: Partial<AppSettings>): void
  /** Recorded uses of a credential: how many by outcome. */
  usesOf(credentialId: string): Readonly<Record<string, number>>
  /** An access token of ours, for the client of an app. */
  accessToken(appId: string): Promise<string>
}

export interface MakeFields {
  readonly name?: string
  readonly appId?: string
  readonly value?: string
  readonly attributes?: CredentialAttributes
  readonly expiresAtMs?: number
}

/** @param guardTexts limits of the installation. */
export async function openDoorWorld(guardTexts: readonly string[] = []): Promise<DoorWorld> {
  const world = await openCoreWorld()
  const { core, time } = world
  const apps = ['app', 'sibling'].map((id) => appOf(id, { settings: OPEN }))
  await declare(world, [
    tenantOf(TENANT_ID, { apps }),
    tenantOf(OTHER_TENANT_ID, { apps: [appOf('foreign', { settings: OPEN })] }),
  ])
  const { authority, check, changes, uses, recordUse } = core
  const { clock } = core.administration
  const denials: Denied[] = []
  const recordDenial = (attempt: DeniedAttempt, owner: DenialOwner) =>
    void denials.push({ ...attempt, owner })
  const nothing = () => {}
  const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
  const foreign = createForeignTokens(core, log)
  const config = { tokens: TOKEN_TIMES, publicUrl: ISSUER_BASE }
  const tokens = createTokenService(config, core, { limits: new AppLimitBook([]) })
  await tokens.signingKeys.follow()
  const doors = [tokens.door, foreign.door]
  const records = { recordUse, recordDenial }
  const bearers = new Bearers({ apps: authority.apps, check, clock, ...records, doors })
  const guarding = guardWorld(clock, guardTexts)
  const { guard } = guarding
  const tokenCalls: unknown[][] = []
  const passwords: TokenPasswords = {
    authenticate: (...call) => {
      tokenCalls.push(call)
      return whole.tokenAnswer
    },
  }
  const known = { apps: authority.apps, tenants: authority.tenants }
  const deps = { ...known, check, clock, ...records, bearers, tokens: passwords, guard }
  const door = new CredentialDoor(deps)
  const loaded = (appId: string) => {
    const found = authority.apps.findById(appId)
    if (found === undefined) throw new Error(`there is no app ${appId}`)
    return found
  }
  const whole: DoorWorld = {
    ...world,
    door,
    parts: { ...guarding, bearers, tokens: passwords },
    tokenCalls,
    tokenAnswer: refuse('credential_invalid'),
    denials,
    loaded,
    async make(kind, { name = 'made', appId = 'app', value, attributes = {}, expiresAtMs } = {}) {
      const owner = { tenantId: loaded(appId).tenant.id, appId }
      const request = { ...owner, kind, name, attributes, value, expiresAtMs }
      const made = await changes.create(request, CALLER)
      if (!made.ok) throw new Error(`${made.refusal}: ${made.detail}`)
      return made.value
    },
    async come(username, password, { source = SOURCE, ...more } = {}) {
      const bytes = password === undefined ? undefined : Buffer.from(password)
      const over = { origin: undefined, isWebSocket: false, isTls: false, clientId: 'client' }
      return door.authenticate({ username, password: bytes, ...over, ...more }, source)
    },
    change(appId, settings) {
      const before = loaded(appId)
      const app = { ...before.app, settings: { ...before.app.settings, ...settings } }
      authority.apps.put({ ...before, app })
    },
    usesOf(credentialId) {
      const counts: Record<string, number> = {}
      for (const { outcome, count } of uses.pendingOf(credentialId)) {
        counts[outcome] = (counts[outcome] ?? 0) + count
      }
      return counts
    },
    async accessToken(appId) {
      const names = { clientId: clientIdOf(appId), secret: secretOf(appId) }
      const client = await tokens.clients.authenticate({ method: 'secret', ...names }, SOURCE)
      if (!client.ok) throw new Error(client.refusal)
      const granted = await tokens.grants.clientCredentials(client.value, 'WireSocket.API', SOURCE)
      if (!granted.ok) throw new Error(granted.refusal)
      time.ms += 1
      return granted.value.accessToken.token
    },
  }
  return whole
}
